"""The run process: `python -m harness.cli.conduct RUN_FOLDER [--resume]`.

Lease, lab, journal, conductor; then the judge and the run page, from the journal alone.  Started by the test runner
and by `hil run resume`, in an OS session of its own.
"""

from __future__ import annotations

import importlib
import logging
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness import __version__
from harness.clock import NS_PER_S, monotonic_ns, slow_collector, spare_collector
from harness.errors import HarnessError, JournalError, LeaseError
from harness.exits import OF_VERDICT, Exit
from harness.journal import JournalWriter, Redactor, read_journal
from harness.journal.writer import FILE_NAME
from harness.labs.control import LabHostGoneError
from harness.labs.hosting import attach, end_host, start_host
from harness.labs.lease import RENEW_EVERY_S, Lease, LeaseStore
from harness.labs.remote import RemoteLab
from harness.paths import runs_dir
from harness.run.job import Job, load_job
from harness.run.launch import await_conductor
from harness.run.legs import Handover, Spoilt, kept_for, received
from harness.run.stop import StopFlag
from harness.values import Verdict

if TYPE_CHECKING:
    from harness.run.conductor import Conductor
    from harness.run.memory import RunMemory
    from harness.run.scribe import Scribe
    from harness.transports.recorder import Recorder

log = logging.getLogger("hil.run")

NEEDED_LATER: Final = (
    "harness.run.conductor",
    "harness.run.sessions",
    "harness.workflows.catalog",
    "harness.report.run",
)
"""Half a second of imports, done while the lab host starts up."""


def main(arguments: list[str]) -> int:
    """Conduct or resume the run in the folder given; return the exit code."""
    slow_collector()
    redactor = Redactor()
    _log_to_stderr(redactor)
    folder = Path(arguments[0])
    stop = StopFlag()
    stop.on_signals()
    try:
        return int(RunAttempt(load_job(folder), redactor, stop, resume="--resume" in arguments).run())
    except HarnessError as error:
        log.error("%s%s", error, f"\n  next: {error.hint}" if error.hint else "")
        return int(Exit[error.code])
    except Exception:
        # Never Python's own 1: that would be a statement about the product.
        log.exception("the run process ended by a defect")
        return int(Exit.HARNESS)


def _log_to_stderr(redactor: Redactor) -> None:
    handler = logging.StreamHandler()
    handler.addFilter(redactor.logging_filter())
    handler.setFormatter(logging.Formatter("%(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    for name in ("spnego", "urllib3", "requests"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _prepare() -> None:
    """Import what is needed later and compile the page's templates, beside the start of the lab host."""
    for name in NEEDED_LATER:
        importlib.import_module(name)
    from harness.report.paper import compile_templates

    compile_templates()
    spare_collector()


class RunAttempt:
    """One process' share of a run."""

    def __init__(self, job: Job, redactor: Redactor, stop: StopFlag, *, resume: bool) -> None:
        self._job, self._redactor, self._stop = job, redactor, stop
        self._resume = resume
        self._leases = LeaseStore()
        self._renewed_ns = monotonic_ns()
        self._recorder: Recorder | None = None

    def run(self) -> Exit:
        """From lease to verdict.  Raises HarnessError when not even a journal could be begun."""
        memory = self._memory() if self._resume else None
        if memory is not None and memory.ended is not None:
            log.info("the run has ended already (%s): it is judged again", memory.ended)
            return self._conclude(memory.ended)
        if memory is not None and memory.let_go:
            self._write_let_go()
            return self._conclude("completed")
        left = self._left_by_previous(memory)
        if isinstance(left, Spoilt):
            self._write_spoilt(left)
            return self._conclude("completed")
        lease = self._lease(left)
        try:
            lab = self._lab(lease, begun=left is not None or (memory is not None and memory.begun))
        except LabHostGoneError as error:
            self._write_lost(lease, error)
            self._leases.release(lease)
            return self._conclude("lab-lost")
        except HarnessError:
            self._leases.release(lease)
            raise
        reason = self._conduct(lab, lease, memory or self._memory(), left)
        return self._conclude(reason)

    # --- beginning ---------------------------------------------------------------------------------------------------

    def _memory(self) -> RunMemory:
        from harness.run.memory import RunMemory, remember

        path = self._job.folder / FILE_NAME
        if not self._resume or not path.exists():
            return RunMemory()
        from harness.judge.results import read_results
        from harness.judge.shortage import refuse_shortage

        journal = read_journal(path)
        refuse_shortage(journal, read_results(self._job.folder))  # what it lacks cannot be resumed
        return remember(journal)

    def _left_by_previous(self, memory: RunMemory | None) -> Handover | Spoilt | None:
        """What the leg before left; None where there is none, or where it was taken over already."""
        previous = self._job.previous
        if previous is None or (memory is not None and memory.received is not None):
            return None
        await_conductor(runs_dir() / previous)  # a test runner that died may have left it at work
        return received(self._job, runs_dir() / previous)

    def _lease(self, left: Handover | None) -> Lease:
        purpose = f"run {self._job.run_id}"
        if left is not None:
            kept = kept_for(self._job.session, left.campaign)
            return self._leases.acquire(left.instance, purpose=purpose, kept_for=kept)
        instance = self._instance() if self._resume else None
        if instance is not None:
            return self._leases.acquire(instance, purpose=purpose)
        return self._leases.acquire_any(self._job.instances, purpose=purpose)

    def _instance(self) -> str | None:
        path = self._job.folder / FILE_NAME
        entries = read_journal(path).entries if path.exists() else ()
        return str(entries[0].data["host"]["instance"]) if entries else None

    def _lab(self, lease: Lease, *, begun: bool) -> RemoteLab:
        """Attach where an update may be under way; else begin with a lab host of our own."""
        threading.Thread(target=_prepare, name="prepare", daemon=True).start()
        if not begun:
            start_host(lease.instance, self._job.lab)
        return attach(lease)

    def _write_lost(self, lease: Lease, error: LabHostGoneError) -> None:
        from harness.run.scribe import Scribe

        writer = JournalWriter(self._job.folder, self._redactor)
        scribe = Scribe(writer)
        scribe.attempt_begin(resumed=True, torn_sha256=writer.torn_sha256, epoch=lease.epoch)
        scribe.finding("lab-lost", "lab", Verdict.LAB, str(error))
        scribe.attempt_end("lab-lost", str(error))
        writer.close()

    def _write_spoilt(self, left: Spoilt) -> None:
        """A journal that says why nothing was done.  Raises HarnessError when not even the lab is known."""
        from harness.run.scribe import Scribe

        if left.header is None:
            raise HarnessError(left.why, hint="start the whole campaign again")
        writer = JournalWriter(self._job.folder, self._redactor)
        scribe = Scribe(writer)
        if writer.seq == 0:
            about, host = left.header.data["lab"], left.header.data["host"]
            scribe.header_about(self._job, about, str(host["instance"]), __version__)
        scribe.attempt_begin(resumed=self._resume, torn_sha256=writer.torn_sha256, epoch=0)
        scribe.finding("leg-spoilt", "harness", Verdict.INCONCLUSIVE, left.why)
        scribe.attempt_end("completed")
        writer.close()

    def _write_let_go(self) -> None:
        """The end that a killed process of this leg could not write; the lab is the next leg's, or nobody's."""
        from harness.run.scribe import Scribe

        writer = JournalWriter(self._job.folder, self._redactor)
        scribe = Scribe(writer)
        scribe.attempt_begin(resumed=True, torn_sha256=writer.torn_sha256, epoch=0)
        scribe.attempt_end("completed")
        writer.close()

    # --- conducting --------------------------------------------------------------------------------------------------

    def _conduct(self, lab: RemoteLab, lease: Lease, memory: RunMemory, left: Handover | None) -> str:
        from harness.run.memory import remember
        from harness.run.scribe import Scribe

        writer = JournalWriter(self._job.folder, self._redactor)
        writer.lab_time = lambda: lab.clock.now_ns()
        scribe = Scribe(writer)
        tainted: str | None = None
        handover: Handover | None = None
        detail = ""
        try:
            if writer.seq == 0:
                scribe.header(self._job, lab, __version__, self._budgets(lab))
            scribe.attempt_begin(resumed=self._resume, torn_sha256=writer.torn_sha256, epoch=lease.epoch)
            if left is not None:
                memory = remember([scribe.leg_taken_over(left)])
            conductor = self._conductor(lab, lease, scribe, memory, writer.attempt)
            try:
                reason = conductor.conduct()
            finally:
                tainted, handover = conductor.tainted, conductor.handover
        except LabHostGoneError as error:
            writer.lab_time = lambda: None
            scribe.finding("lab-lost", "lab", Verdict.LAB, str(error))
            reason, detail = "lab-lost", str(error)
        except LeaseError as error:
            writer.lab_time = lambda: None
            scribe.finding("lab-lost", "lab", Verdict.LAB, str(error))
            reason, detail = "lab-lost", str(error)
        except JournalError:
            raise
        except Exception as error:
            log.exception("the run ended by a defect")
            scribe.finding("exception", "harness", Verdict.HARNESS, f"{type(error).__name__}: {error}")
            reason, detail = "error", f"{type(error).__name__}: {error}"
        self._name_transcripts(scribe)
        self._scan(scribe)
        scribe.attempt_end(reason, detail)
        writer.close()
        if handover is not None:
            lab.detach()
            self._leases.hand_over(lease, kept_for=kept_for(self._job.session, handover.campaign))
        else:
            self._release(lab, lease, tainted)
        return "tainted" if tainted and reason == "aborted" else reason

    def _budgets(self, lab: RemoteLab) -> dict[str, dict[str, Any]]:
        """The limits that come from history, by measurement, as earlier runs show them now."""
        from harness.judge.budgets import budget_rows, has_budgets, limit_words
        from harness.judge.history import read_history, run_folders
        from harness.run.scribe import lab_about

        if not has_budgets(self._job.scenario):
            return {}
        others = [folder for folder in run_folders(runs_dir()) if folder != self._job.folder]
        rows = budget_rows(self._job.scenario, lab_about(lab), read_history(others).runs)
        for row in rows.values():
            log.info("limit %s", limit_words(row))
        return rows

    def _conductor(self, lab: RemoteLab, lease: Lease, scribe: Scribe, memory: RunMemory, attempt: int) -> Conductor:
        from harness.plan.plain import from_plain
        from harness.run.conductor import Conductor
        from harness.run.endpoints import Endpoints
        from harness.run.sessions import session_opener
        from harness.transports.recorder import Recorder, transcript_of
        from harness.workflows.catalog import workflow_of

        scenario = from_plain(self._job.scenario)
        if self._job.record:
            self._recorder = Recorder(self._job.folder / "evidence" / transcript_of(attempt), self._redactor)
        wanted = scenario.workflow.guest_updates
        guests = () if wanted is None else wanted.guests or lab.managed_guests
        endpoints = Endpoints(session_opener(lab, self._redactor, self._recorder, guests))
        workflow = workflow_of(scenario, lab.nodes)
        conductor = Conductor(self._job, scenario, lab, lease, scribe, endpoints, workflow, memory, self._stop)
        conductor.before_step(lambda: self._keep_lease(lease))
        return conductor

    def _keep_lease(self, lease: Lease) -> None:
        if monotonic_ns() - self._renewed_ns > RENEW_EVERY_S * NS_PER_S:
            self._leases.renew(lease)
            self._renewed_ns = monotonic_ns()

    def _release(self, lab: RemoteLab, lease: Lease, tainted: str | None) -> None:
        """A lab that can be reset is never left tainted: its next baseline wipes everything."""
        try:
            lab.release(lease)
        except LabHostGoneError:
            log.info("the lab host is gone already")
        except LeaseError as error:
            log.warning("%s; its new holder keeps the lab as it is", error)
            return
        end_host(lease.instance)
        self._leases.release(lease, tainted=None if "reset" in lab.capabilities else tainted)

    def _name_transcripts(self, scribe: Scribe) -> None:
        """Name the transcripts of this attempt, and of one that died before it could."""
        from harness.run.collection import name_evidence
        from harness.transports.recorder import TRANSCRIPTS

        if self._recorder is None:
            return
        self._recorder.close()
        for path in sorted((self._job.folder / "evidence").glob(TRANSCRIPTS)):
            about = "every script sent to the nodes and what came back, secrets masked"
            name_evidence(scribe, self._job.folder, f"evidence/{path.name}", about, wall_times=True)

    def _scan(self, scribe: Scribe) -> None:
        """The last look for secrets in everything that the run wrote."""
        for path in sorted(self._job.folder.rglob("*")):
            if path.is_file() and self._redactor.finds_in(path.read_bytes()):
                name = path.relative_to(self._job.folder)
                scribe.finding("secret-leak", "harness", Verdict.HARNESS, f"file '{name}' holds a secret in clear")

    # --- concluding --------------------------------------------------------------------------------------------------

    def _conclude(self, reason: str) -> Exit:
        """The judge and the page, from the journal alone."""
        from harness.report.run import write_report

        results = write_report(self._job.folder)
        if reason == "tainted":
            return Exit.TAINTED
        if reason == "aborted":
            return Exit.INTERRUPTED
        return OF_VERDICT[str(results["effective"])]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
