"""Static libraries in the format of Unix `ar`, with GNU's index of symbols: same in, same out."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

_MAGIC = b"!<arch>\n"


def archive(members: Mapping[str, bytes], symbols: Mapping[str, Sequence[str]]) -> bytes:
    """An archive of object files by name; `symbols` are what each of them defines.

    Times, owners and modes are the same in all archives, as with `ar`'s option D.
    """
    names, name_at = _long_names(list(members))
    index_bytes = 4 + sum(4 + len(s) + 1 for name in members for s in symbols[name])
    start = len(_MAGIC) + _framed(index_bytes) + (_framed(len(names)) if names else 0)
    offsets: dict[str, int] = {}
    for name, content in members.items():
        offsets[name] = start
        start += _framed(len(content))
    defined = [(symbol, offsets[name]) for name in members for symbol in symbols[name]]
    index = struct.pack(f">{1 + len(defined)}I", len(defined), *(at for _, at in defined))
    index += b"".join(symbol.encode() + b"\0" for symbol, _ in defined)
    parts = [_MAGIC, _member("/", index)]
    if names:
        parts.append(_member("//", names))
    parts += [_member(name_at[name], content) for name, content in members.items()]
    return b"".join(parts)


def _long_names(names: Sequence[str]) -> tuple[bytes, dict[str, str]]:
    """The table of names that do not fit a header, and what stands there for each name."""
    table, headers = b"", dict[str, str]()
    for name in names:
        if len(name) < 16:
            headers[name] = f"{name}/"
        else:
            headers[name] = f"/{len(table)}"
            table += f"{name}/\n".encode()
    return table, headers


def _framed(nbytes: int) -> int:
    return 60 + nbytes + nbytes % 2


def _member(name: str, content: bytes) -> bytes:
    mode = "" if name in ("/", "//") else "644"
    zeros = "" if name == "//" else "0"
    header = f"{name:<16}{zeros:<12}{zeros:<6}{zeros:<6}{mode:<8}{len(content):<10}`\n"
    return header.encode() + content + b"\n" * (len(content) % 2)
