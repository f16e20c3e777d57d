"""Flow files written in place."""

import re
from pathlib import Path

from bng_bridge.flow_files.flow_file import Flow, compile_text
from bng_bridge.mapping.findings import MappingFileError

HEAD = "on:\n  event: magento/order\n  ordered_by: order\nsteps:\n"


def compiled(steps: str, *, head: str = HEAD) -> Flow:
    return compile_text(head + steps, Path("flow.yaml"))


def mistakes(steps: str, *, head: str = HEAD) -> list[str]:
    """All findings, with lines counted from the first behind the head."""
    try:
        compiled(steps, head=head)
    except MappingFileError as error:
        return [_without(str(each), each.at.line, head.count("\n")) for each in error.findings]
    return []


def _without(text: str, line: int, lines: int) -> str:
    """As if the head were not there, also in what a finding says of other lines."""
    text = text.replace(f"flow.yaml:{line}:", f"{line - lines}:", 1)
    return re.sub(r"line (\d+)", lambda found: f"line {int(found[1]) - lines}", text)
