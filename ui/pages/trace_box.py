"""The place of the trace on a page: the viewer, its data and its wiring, and what stands there without a recording.

The viewer gets each recording once; the segments of a long one come as it asks for them.
"""

from __future__ import annotations

from typing import Any, Protocol

from ecgr1_core.record import EcgRecord
from ui.components.viewer import marks_html, recording_html, segments_html, viewer_html
from ui.quick_gradio import gr

WITH_WANTED = "(...inputs) => [...inputs.slice(0, -1), window.ecgr1Viewer.wanted()]"


class _Case(Protocol):
    @property
    def record(self) -> EcgRecord: ...


def trace_box(empty: str, first_examples: list[str]) -> dict[str, Any]:
    """Return the components of the trace; without a recording the sentence `empty` and some examples are shown."""
    parts: dict[str, Any] = {}
    with gr.Column(elem_id="trace-box"):
        with gr.Column(elem_id="empty"):
            gr.HTML(f'<p class="quiet">{empty}</p>')
            with gr.Row(elem_id="empty-buttons"):
                parts["first_examples"] = {name: gr.Button(name, size="sm") for name in first_examples}
        gr.HTML(viewer_html(), elem_id="trace-holder")
        parts["trace"] = gr.HTML(recording_html(None), elem_id="trace-data")
        parts["trace_marks"] = gr.HTML(marks_html(None, None), elem_id="trace-marks")
        parts["trace_segments"] = gr.HTML("", elem_id="trace-segments")
        parts["trace_more"] = gr.Button("more of the trace", visible="hidden", elem_id="trace-more")
    return parts


def wire_trace(parts: dict[str, Any]) -> None:
    """Let the viewer ask for more of the recording that is open in `parts["case"]`, with `parts["told"]`."""
    parts["trace_more"].click(
        more_of_the_trace,
        inputs=[parts["case"], parts["told"]],
        outputs=[parts["trace_segments"]],
        js=WITH_WANTED,
        trigger_mode="multiple",
        show_progress="hidden",
        api_visibility="private",
    )


def more_of_the_trace(case: _Case | None, wanted: str) -> str:
    """Return segments of the recording that is open in this visitor's session, of no other, for the viewer."""
    return segments_html(None if case is None else case.record, wanted)
