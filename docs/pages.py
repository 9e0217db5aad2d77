"""A hook of MkDocs, which takes pages from one folder: ours are beside what they describe, and `nav` names them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
_CODE = re.compile(r"^(```.*?^```)$", re.MULTILINE | re.DOTALL)
_INDENT = re.compile(r"^ +", re.MULTILINE)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """The theme's files, and every page of `nav` under its path in the repository."""
    for found in [file for file in files if file.src_dir == config.docs_dir]:
        files.remove(found)
    for path in _paths(config.nav):
        files.append(File(path, str(ROOT), config.site_dir, config.use_directory_urls))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """The page as Python-Markdown reads it.

    It nests a list by four spaces where CommonMark takes two, and a block of code may name nothing but its language,
    where ours may add a word for the tests.
    """
    parts = _CODE.split(markdown)  # the blocks of code are at the odd places
    parts[::2] = [_INDENT.sub(lambda found: 2 * found[0], part) for part in parts[::2]]
    parts[1::2] = [re.sub(r"^```(\w+) .*", r"```\1", part) for part in parts[1::2]]
    return "".join(parts)


def _paths(nav: Any) -> Iterator[str]:
    """The pages in a tree of titles."""
    if isinstance(nav, str):
        yield nav
    else:
        for each in nav.values() if isinstance(nav, dict) else nav:
            yield from _paths(each)
