"""The one Lab of this server process."""

import streamlit as st

from core.lab import Lab


@st.cache_resource(show_spinner=False)
def get_lab() -> Lab:
    """The Lab, made on first use. Raises StoreUnusable when the cache folder cannot be written."""
    return Lab()
