"""Gradio is imported without parsing its own components, and what was changed for it is as before afterwards."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

NOTING = """
import ast, inspect, sys
parse, getfile, parsed = ast.parse, inspect.getfile, []
def noting(*given, **named):
    parsed.append(sys._getframe(1).f_globals["__name__"])
    return parse(*given, **named)
ast.parse = noting
from ui.quick_gradio import gr
print(parsed.count("gradio.component_meta"), inspect.getfile is getfile, gr.Textbox().get_config()["lines"])
"""


def test_no_component_is_parsed_at_the_start() -> None:
    done = subprocess.run(
        [sys.executable, "-c", NOTING], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False
    )
    assert (done.stdout.split(), done.returncode) == (["0", "True", "1"], 0), done.stderr
