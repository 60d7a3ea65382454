"""ECG-R1 for vLLM, as a plug-in from outside its tree.

What can be checked without vLLM (names of weights, inputs, prompts, requests) stands in modules that do not import it:
`weight_names`, `inputs`, `reading_api`. The others (`model`, `processing`, `media`, `plugin`) are written against vLLM
0.33 and need it. Models and recordings are `ecgr1_core`'s; nothing here trains, draws or measures.
"""

from pathlib import Path
from typing import Final

# The chat template that puts attachments where they stand in a message; `vllm serve --chat-template` takes its path.
CHAT_TEMPLATE: Final = Path(__file__).parent / "chat_template.jinja"
