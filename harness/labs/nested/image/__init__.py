"""The image of an emulated node: a small Linux machine that boots from kernel, initrd and root disk."""

from harness.labs.nested.image.bootline import UP, Card, boot_line
from harness.labs.nested.image.build import build_image, image_ready, why_not_buildable
from harness.labs.nested.image.node_image import NodeImage

__all__ = ["UP", "Card", "NodeImage", "boot_line", "build_image", "image_ready", "why_not_buildable"]
