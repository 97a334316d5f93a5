"""The measurements that a plan may limit: name, unit, meaning, whose doing a breach is.

One table: the plan loader refuses a name that is not in it, the judge measures exactly these, the reference page is
checked against it.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Quantity:
    """A kind of measurement.  `comparison` is what a limit without a sign means; `about` is who is to blame for a
    breach: `product` (the verdict is fail) or `harness` (the run proves nothing: inconclusive)."""

    name: str
    unit: str
    meaning: str
    comparison: str = "<="
    about: str = "product"


_ALL: Final = (
    Quantity("vm.gap.unexplained.longest", "s", "longest gap of any virtual machine that no journalled fault explains"),
    Quantity("vm.migration_gap.longest", "s", "longest gap of any virtual machine during a live migration"),
    Quantity(
        "vm.restart_gap.longest",
        "s",
        "longest gap of a virtual machine whose node a fault took away, until it answered again",
    ),
    Quantity("vm.restarts.unexplained", "count", "virtual machine restarts that no journalled fault explains"),
    Quantity("vm.gap.count_max", "count", "gaps of the virtual machine that had most of them"),
    Quantity("vm.down.at_end", "count", "virtual machines that did not answer when sampling ended"),
    Quantity("vm.outage.longest", "s", "longest gap of a virtual machine in which it was not restarted"),
    Quantity("vm.outage.total", "s", "sum of the gaps without restart of the worst virtual machine"),
    Quantity("vm.outage.count", "count", "gaps without restart of the worst virtual machine"),
    Quantity(
        "vm.restart.longest",
        "s",
        "longest gap at whose end a virtual machine had restarted, or from which it never came back",
    ),
    Quantity("vm.restart.count", "count", "virtual machines that restarted at least once"),
    Quantity(
        "vm.service.longest",
        "s",
        "longest time in which a virtual machine was there and its service, or the way to it, was not",
    ),
    Quantity("vm.brownout.longest", "s", "longest time in which a virtual machine answered late"),
    Quantity("vm.visible.total", "s", "time in which the worst virtual machine was of no use: away, or out of service"),
    Quantity(
        "vm.migration.difference",
        "s",
        "largest difference of a live migration's gap from the blackout that its host logged, beyond the error of both",
    ),
    Quantity("node.down.most", "count", "most nodes that were not Up at one time"),
    Quantity(
        "node.down.unexplained", "count", "most nodes that were not Up at one time beyond those that a fault explains"
    ),
    Quantity("resync.duration", "s", "longest time without a break in which storage repair jobs ran"),
    Quantity("update.duration", "h", "lab time from the start of the update until it is Installed"),
    Quantity("update.starts", "count", "how often the update was started", "=="),
    Quantity("update.attempts", "count", "how often the update was started or resumed"),
    Quantity("update.stall.longest", "min", "longest time without progress of the update while an endpoint answered"),
    Quantity("settle.duration", "min", "lab time that the settle stage took"),
    Quantity(
        "recovery.duration",
        "s",
        "from the revert of the last fault until its target is clean, no repair runs and its guests answer",
    ),
    Quantity("guest.update.count", "count", "guests in which the month's update is proven to be in force", ">="),
    Quantity("guest.left_alone.count", "count", "guests that do not get the month's update and were left alone"),
    Quantity("guest.update.longest", "min", "longest time from the order to install in a guest until it had ended"),
    Quantity("guest.restart.most", "count", "most restarts of one guest under update"),
    Quantity("guest.restart.parallel", "count", "most guests under update that were away for a restart at one time"),
    Quantity(
        "guest.restart.longest", "s", "longest time from the order to restart a guest until it was back in service"
    ),
    Quantity("trigger.lag", "s", "longest time from a trigger's event until the harness saw it", about="harness"),
    Quantity("sampler.coverage", "ratio", "probed time over run time of the worst virtual machine", ">=", "harness"),
    Quantity("probe.coverage", "%", "the same as sampler.coverage, in percent", ">=", "harness"),
)

CATALOG: Final = MappingProxyType({quantity.name: quantity for quantity in _ALL})
"""Every measurement by its name, in the order in which pages show them."""
