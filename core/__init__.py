"""What Tunescope computes, with no interface: refs and specs in, results out. Nothing here imports streamlit."""
