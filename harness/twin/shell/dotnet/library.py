"""All declared .NET members: importing this module fills the registry."""

from __future__ import annotations

from harness.twin.shell.dotnet import (
    collectionclasses,
    collections,
    credentials,
    cultures,
    dates,
    enums,
    files,
    network,
    offsets,
    reflection,
    regularexpressions,
    specialvalues,
    statics,
    stringbuilders,
    strings,
    trees,
    xmlnodes,
    xmlstatics,
)

__all__ = [
    "collectionclasses",
    "collections",
    "credentials",
    "cultures",
    "dates",
    "enums",
    "files",
    "network",
    "offsets",
    "reflection",
    "regularexpressions",
    "specialvalues",
    "statics",
    "stringbuilders",
    "strings",
    "trees",
    "xmlnodes",
    "xmlstatics",
]
