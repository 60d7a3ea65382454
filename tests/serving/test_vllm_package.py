"""The plug-in as a distribution: what vLLM looks up by name is there, and what needs no vLLM does not import it."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

SERVING = Path(__file__).parents[2] / "serving"
PACKAGE = SERVING / "vllm_ecg_r1"
WITHOUT_VLLM = ("__init__", "inputs", "reading_api", "weight_names")
WITH_VLLM = ("media", "model", "plugin", "processing")


def tree(module: str) -> ast.Module:
    return ast.parse((PACKAGE / f"{module}.py").read_text())


def imported(module: str) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


def defined(module: str) -> dict[str, ast.AST]:
    return {node.name: node for node in tree(module).body if isinstance(node, ast.FunctionDef | ast.ClassDef)}


def constants(module: str) -> dict[str, object]:
    return {
        node.target.id: ast.literal_eval(node.value)
        for node in tree(module).body
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and isinstance(node.value, ast.Constant)
    }


def test_every_module_is_on_one_side() -> None:
    assert {path.stem for path in PACKAGE.glob("*.py")} == {*WITHOUT_VLLM, *WITH_VLLM}
    for module in (*WITHOUT_VLLM, *WITH_VLLM):
        uses_vllm = any(name == "vllm" or name.startswith("vllm.") for name in imported(module))
        assert uses_vllm == (module in WITH_VLLM), module
        assert not [name for name in imported(module) if name.split(".")[0] in ("ui", "annotations", "training")]


def test_what_vllm_looks_up_by_name_is_there() -> None:
    project = tomllib.loads((SERVING / "pyproject.toml").read_text())["project"]
    module, _, function = project["entry-points"]["vllm.general_plugins"]["ecg_r1"].partition(":")
    assert module == "vllm_ecg_r1.plugin"
    assert function in defined("plugin")
    model_module, _, model = str(constants("plugin")["MODEL"]).partition(":")
    assert model_module == "vllm_ecg_r1.model"
    assert model == constants("plugin")["ARCHITECTURE"]
    assert model in defined("model")


def test_the_start_command_of_the_documentation_names_what_is_there() -> None:
    page = (SERVING.parent / "docs" / "serving.md").read_text()
    assert f'"architectures": ["{constants("plugin")["ARCHITECTURE"]}"]' in page
    assert "--middleware vllm_ecg_r1.reading_api.ReadingApi" in page
    assert "ReadingApi" in defined("reading_api")
    assert "VLLM_MEDIA_CONNECTOR=ecg_r1" in page
    (connector,) = [node for node in defined("media").values() if isinstance(node, ast.ClassDef)]
    assert "MEDIA_CONNECTOR_REGISTRY.register('ecg_r1')" in [ast.unparse(call) for call in connector.decorator_list]
