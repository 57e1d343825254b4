"""Writes docs/reference.md: every verb with its options, from the program's own help."""

from __future__ import annotations

from pathlib import Path

import typer

from counterpoint.cli.main import app

HEAD = "# Command reference\n\nWritten by `make docs` from the program's own help; a test fails where it lags behind.\n"


def section(command: typer.core.TyperCommand, words: list[str]) -> str:
    """One verb: its sentence and a table of its parameters."""
    lines = [
        f"\n## counterpoint {' '.join(words)}\n",
        f"{command.help}\n",
        "| option | meaning | default |",
        "|---|---|---|",
    ]
    for p in command.params:
        if p.name == "help":
            continue
        name = ", ".join(f"`{o}`" for o in p.opts) if p.param_type_name == "option" else f"`{p.name}`"
        shown = p.default() if callable(p.default) else p.default
        default = "" if shown in (None, False, (), []) else f"`{shown}`"
        lines.append(f"| {name} | {(getattr(p, 'help', '') or '').replace('|', '/')} | {default} |")
    return "\n".join(lines) + "\n"


def sections(command: typer.core.TyperGroup | typer.core.TyperCommand, words: list[str]) -> str:
    if not isinstance(command, typer.core.TyperGroup):
        return section(command, words)
    return "".join(sections(child, [*words, name]) for name, child in command.commands.items())


if __name__ == "__main__":
    page = HEAD + sections(typer.main.get_command(app), [])
    Path(__file__).with_name("reference.md").write_text(page, encoding="utf-8")
