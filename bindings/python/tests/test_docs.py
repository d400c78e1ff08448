"""The pages of the site: what they show runs, and what they name is there."""

from __future__ import annotations

import ast
import doctest
import inspect
import io
import re
from pathlib import Path
from typing import Any, Iterator, Tuple

import pytest

import sonset

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted((ROOT / "bindings" / "python" / "docs").glob("*.rst"))
NAMES = [page.name for page in PAGES]

if not PAGES:
    pytest.skip("the pages are not part of this source", allow_module_level=True)


# The pages show on purpose what is late or missing.
@pytest.mark.filterwarnings("ignore::sonset.LateWarning", "ignore::sonset.MissingFramesWarning")
@pytest.mark.filterwarnings("ignore::sonset.SummaryWarning")
@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_what_a_page_shows_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    test = doctest.DocTestParser().get_doctest(page.read_text(encoding="utf-8"), {}, page.name, str(page), 0)
    told = io.StringIO()
    results = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=told.write)
    assert results.failed == 0, told.getvalue()


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_a_page_shows_python_only_where_it_is_run(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"code-block:: *(python|py|pycon)|::$|\+SKIP", re.sub(r"^\.\. .*", "", text, flags=re.M))
    assert set(re.findall(r"code-block:: *(\w+)", text)) <= {"console"}


def literals(page: Path) -> Iterator[str]:
    return iter(re.findall(r"(?<!`)``([^`]+)``(?!`)", page.read_text(encoding="utf-8")))


OBJECTS = {
    "stream": sonset.Stream,
    "action": sonset.Action,
    "receipt": sonset.Receipt,
    "sonset": sonset,
}


def meant(node: ast.expr) -> Tuple[Any, bool]:
    """What a name such as ``sonset.Buffer.from_file`` or ``stream.play`` stands for, and whether sonset has it."""
    if isinstance(node, ast.Name):
        return OBJECTS.get(node.id), node.id in OBJECTS
    if isinstance(node, ast.Attribute):
        owner, known = meant(node.value)
        if known and owner is not None:
            if owner is sonset.Stream and node.attr in {"samplerate", "receipts", "output_channels", "input_channels"}:
                return None, True
            assert hasattr(owner, node.attr), ast.unparse(node)
            return getattr(owner, node.attr), True
    return None, False


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_calls_and_keywords_that_a_page_names_are_there(page: Path) -> None:
    for literal in literals(page):
        if not re.match(r"(stream|action|receipt|sonset)\.", literal):
            continue
        for node in ast.walk(ast.parse(literal)):
            if isinstance(node, ast.Attribute):
                meant(node)
            if isinstance(node, ast.Call):
                function, known = meant(node.func)
                if known:
                    keywords = {keyword.arg for keyword in node.keywords}
                    assert keywords <= set(inspect.signature(function).parameters), literal


def test_tests_and_examples_that_a_page_names_are_there() -> None:
    tests, examples = 0, 0
    for page in PAGES:
        for literal in literals(page):
            if re.match(r"tests/.*::", literal):
                file, name = literal.split("::")
                assert re.search(rf"\bfn {name}\(", (ROOT / file).read_text(encoding="utf-8")), literal
                tests += 1
        for path in re.findall(r"examples/python/\w+\.py", page.read_text(encoding="utf-8")):
            assert (ROOT / path).is_file(), path
            examples += 1
    assert tests > 10 and examples > 9


def test_the_reference_has_every_public_name() -> None:
    text = (ROOT / "bindings/python/docs/api.rst").read_text(encoding="utf-8")
    named = set(re.findall(r":: (?:sonset\.)?(\w+)$", text, flags=re.M))
    # The errors and warnings are on their own page, all of them.
    public = set(sonset.__all__) - set(sonset.errors.__all__) - {"__version__"}
    assert public <= named, public - named


def test_the_gallery_shows_every_example() -> None:
    shown = (ROOT / "bindings/python/docs/gallery.rst").read_text(encoding="utf-8")
    for example in (ROOT / "examples" / "python").glob("*.py"):
        assert f"literalinclude:: ../../../examples/python/{example.name}\n" in shown


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_a_page_reads_in_minutes(page: Path) -> None:
    assert len(page.read_text(encoding="utf-8").split()) <= 1500
