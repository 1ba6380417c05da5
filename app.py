"""The frame: page config, navigation, comparison picker, layer cursor, job tray, and the step of a lesson.

Widgets bound to the URL live here: bound inside a page, a value would be lost on the neighbouring page.
"""

import streamlit as st

# A named Material icon would be fetched from the network for the browser's tab; a file is served by ourselves.
st.set_page_config(page_title="Tunescope", page_icon="pages/parts/icon.svg", layout="wide")

from pages.parts import delivery, frame, legend  # noqa: E402  # the page config must be the first command

delivery.mend()
with st.sidebar:
    legend.draw()
frame.tighten()
sections = {
    "Overview": [
        st.Page("pages/home.py", title="Home", icon=":material/home:", default=True),
        st.Page("pages/checkpoints.py", title="Checkpoints", icon=":material/model_training:", url_path="checkpoints"),
        st.Page("pages/data.py", title="Data", icon=":material/description:", url_path="data"),
    ],
    "Compare": [
        st.Page("pages/layers.py", title="Layers", icon=":material/layers:", url_path="layers"),
        st.Page("pages/maps.py", title="Maps", icon=":material/scatter_plot:", url_path="maps"),
        st.Page("pages/tasks.py", title="Tasks", icon=":material/checklist:", url_path="tasks"),
    ],
    "Inspect": [
        st.Page("pages/probes.py", title="Probes", icon=":material/troubleshoot:", url_path="probes"),
        st.Page("pages/structure.py", title="Structure", icon=":material/account_tree:", url_path="structure"),
        st.Page("pages/geometry.py", title="Geometry", icon=":material/bubble_chart:", url_path="geometry"),
        st.Page("pages/neurons.py", title="Neurons", icon=":material/grain:", url_path="neurons"),
        st.Page("pages/weights.py", title="Weights", icon=":material/scale:", url_path="weights"),
    ],
    "Change": [
        st.Page("pages/lab.py", title="Lab", icon=":material/science:", url_path="lab"),
        st.Page("pages/ablations.py", title="Ablations", icon=":material/content_cut:", url_path="ablations"),
        st.Page("pages/dynamics.py", title="Dynamics", icon=":material/timeline:", url_path="dynamics"),
    ],
    "Check": [
        st.Page("pages/hypotheses.py", title="Hypotheses", icon=":material/gavel:", url_path="hypotheses"),
        st.Page("pages/lessons.py", title="Lessons", icon=":material/school:", url_path="lessons"),
        st.Page("pages/self_test.py", title="Self-test", icon=":material/verified:", url_path="self_test"),
        st.Page("pages/report.py", title="Report", icon=":material/keep:", url_path="report"),
    ],
    "Manage": [
        st.Page("pages/jobs.py", title="Jobs", icon=":material/pending_actions:", url_path="jobs"),
        st.Page("pages/storage.py", title="Storage", icon=":material/database:", url_path="storage"),
    ],
}
page = st.navigation(frame.offered(sections), position="top")
from pages.parts import classroom, lesson, picker, tray  # noqa: E402  # these load pandas and Altair while the browser draws the key
from pages.parts.show import messages  # noqa: E402

with messages():
    lesson.follow(page)
with st.sidebar, messages():
    classroom.draw()
    tray.draw()
    picker.draw()
frame.through_app()
is_held_back = False
with messages():
    is_held_back = lesson.draw(page)
if not is_held_back:
    page.run()
