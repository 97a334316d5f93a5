"""The recipe of the node image, and the hashes made of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import ConfigError
from harness.labs.nested.image.fingerprint import digest_of, recipe_bytes
from harness.labs.nested.image.recipe import image_dir, read_recipe
from harness.plan.problem import SourceError

GOOD = """\
schema: 1
suite: bookworm
components: [main]
python: "3.11"
packages: [python3, busybox-static]
kernel: linux-image-cloud-amd64
modules:
  initrd: [virtio_blk]
  node: [virtio_net]
disk_mib: 512
"""


def recipe_folder(folder: Path, text: str) -> Path:
    (folder / "recipe.yaml").write_text(text)
    return folder


def test_the_recipe_of_this_checkout_is_good() -> None:
    recipe = read_recipe(image_dir())
    assert recipe.python == "3.11"
    assert {"python3", "busybox-static"} <= set(recipe.packages)
    assert "virtio_blk" in recipe.modules.initrd


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('"3.11"', "3.11", "3.11 was read as a number, which loses zeros; quote it"),
        ("suite: bookworm", "suite: Debian 12", "'Debian 12' is no suite; write it like 'bookworm'"),
        ("[python3, ", "['python3 && reboot', ", "is no package name"),
        ("[virtio_blk]", "[]", "needs at least 1 entries"),
        ("[virtio_net]", "[../evil]", "is no kernel module"),
        ("disk_mib: 512", "disk_mib: 12", "must be at least 256, found the number 12"),
        ("disk_mib: 512", "disk_mb: 512", "unknown key 'disk_mb' (did you mean 'disk_mib'?)"),
        ("kernel: linux-image-cloud-amd64\n", "", "the key 'kernel' is missing"),
        ("disk_mib: 512", "disk_mib: 512\nexclude: [/etc/*]", "is no pattern below the root of the disk"),
        ("disk_mib: 512", "disk_mib: 512\nexclude: [usr/../etc]", "is no pattern below the root of the disk"),
    ],
)
def test_mistakes_are_named_with_their_place(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    text = GOOD.replace(old, new)
    assert text != GOOD
    with pytest.raises(SourceError) as caught:
        read_recipe(recipe_folder(tmp_path, text))
    assert complaint in str(caught.value)
    assert f"{tmp_path / 'recipe.yaml'}:" in str(caught.value)
    assert "hil lab image build" in caught.value.hint


def test_all_mistakes_are_named_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("disk_mib: 512", "disk_mib: 1").replace("suite: bookworm", "suite: 12")
    with pytest.raises(SourceError) as caught:
        read_recipe(recipe_folder(tmp_path, text))
    assert len(caught.value.problems) == 2


def test_a_missing_recipe_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"recipe\.yaml"):
        read_recipe(tmp_path)


def test_comments_and_order_do_not_change_the_hash(tmp_path: Path) -> None:
    first = read_recipe(recipe_folder(tmp_path, GOOD))
    moved = "schema: 1\ndisk_mib: 512  # enough\n" + GOOD.replace("schema: 1\n", "").replace("disk_mib: 512\n", "")
    second = read_recipe(recipe_folder(tmp_path, moved))
    assert recipe_bytes(first, "packages", "disk_mib") == recipe_bytes(second, "packages", "disk_mib")


def test_only_named_keys_are_hashed(tmp_path: Path) -> None:
    first = read_recipe(recipe_folder(tmp_path, GOOD))
    second = read_recipe(recipe_folder(tmp_path, GOOD.replace("512", "1024")))
    assert recipe_bytes(first, "packages") == recipe_bytes(second, "packages")
    assert recipe_bytes(first, "disk_mib") != recipe_bytes(second, "disk_mib")


def test_a_hash_knows_names_from_contents() -> None:
    assert digest_of({"a": b"1", "b": b"2"}) == digest_of({"b": b"2", "a": b"1"})
    different = [{"a": b"1", "b": b"2"}, {"a": b"2", "b": b"1"}, {"a": b"12"}, {"ab": b"12"}, {"a": b"1"}, {}]
    assert len({digest_of(parts) for parts in different}) == len(different)
