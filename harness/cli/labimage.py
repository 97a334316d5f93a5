"""`hil lab image`: the image from which nested labs boot emulated nodes."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.cli.called import say
from harness.cli.table import echo_json, text_table
from harness.errors import ConfigError
from harness.exits import Exit
from harness.labs.nested.image import NodeImage, build_image, image_ready
from harness.labs.nested.image.build import NODE
from harness.labs.nested.image.store import ImageStore

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Build and list images of emulated nodes.")

AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]

_MIB = 2**20
_SHOWN_DIGITS = 16


@app.command("build")
def build(
    as_json: AsJson = False,
    force: Annotated[
        bool, typer.Option("--force", help="Make every layer anew, with today's Debian packages.")
    ] = False,
) -> Exit:
    """Build the image of emulated nodes, or what of it has changed.

    Needs root and some Debian packages, which the message names.
    """
    image = build_image(lambda text: say(text, err=as_json), force=force)
    if as_json:
        echo_json(image.plain())
    else:
        typer.echo(f"node image {image.digest[:_SHOWN_DIGITS]}, {image.size_bytes / _MIB:.0f} MiB: {image.disk.parent}")
    return Exit.PASS


@app.command("list")
def list_images(as_json: AsJson = False) -> Exit:
    """List the images that were built here; the current one is of this checkout."""
    try:
        current, trouble = image_ready(), ""
    except ConfigError as error:
        current, trouble = None, str(error)
    rows = [
        (
            NodeImage.at(stored.folder, stored.digest),
            stored.made,
            current is not None and stored.folder == current.disk.parent,
        )
        for stored in ImageStore().all(NODE)
    ]
    if as_json:
        images = [{**image.plain(), "made": made, "current": is_current} for image, made, is_current in rows]
        echo_json({"schema": 1, "images": images, "trouble": trouble or None})
        return Exit.PASS
    if rows:
        cells = [
            (image.digest[:_SHOWN_DIGITS], made, f"{image.size_bytes / _MIB:.0f}", "current" if is_current else "")
            for image, made, is_current in rows
        ]
        typer.echo(text_table(("image", "made", "MiB", ""), cells, right=("MiB",)))
    if trouble:
        say(f"this checkout gives no image: {trouble}")
    elif current is None:
        say("the image of this checkout was not built yet: hil lab image build")
    return Exit.PASS
