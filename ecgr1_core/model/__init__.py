"""ECG-R1: Qwen3-VL that also reads the twelve-lead signal itself, through a tower and a projector of its own.

The modules, from the ground up: `config`, `tower`, `modeling`, `processing`, `views`, `checkpoint`. Importing this
package imports none of them, because most need torch, which takes seconds.
"""
