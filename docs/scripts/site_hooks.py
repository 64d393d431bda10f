"""Hooks of mkdocs: pages written from the code, and links that lead out of the site."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

sys.path.insert(0, str(Path(__file__).parent))

from site_pages import PAGES, ROOT

_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)#\s]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are written from the code."""
    for path, write in PAGES.items():
        files.append(File.generated(config, path, content=write()))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Turn links to files of the repository, which the site lacks, into links there or names."""
    docs = Path(config.docs_dir)
    folder = (docs / page.file.src_uri).parent

    def leads(match: re.Match[str]) -> str:
        text, target, _ = match.groups()
        path = (folder / target).resolve()
        outside = path.is_relative_to(ROOT) and not path.is_relative_to(docs)
        if "://" in target or not (outside and path.exists()):
            return match[0]
        name = path.relative_to(ROOT).as_posix()
        if config.repo_url:
            return f"[{text}]({config.repo_url.rstrip('/')}/blob/main/{name})"
        return text if text == name else f"{text} (`{name}`)"

    return _LINK.sub(leads, markdown)
