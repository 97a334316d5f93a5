"""The run process: `python -m harness.cli.conduct RUN_FOLDER [--resume]`.

Lease, lab, journal, conductor; then the judge and the run page, from the journal alone.  Started by the test runner
and by `hil run resume`, in an OS session of its own.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from harness import __version__
from harness.clock import NS_PER_S, monotonic_ns
from harness.errors import HarnessError, JournalError
from harness.exits import OF_VERDICT, Exit
from harness.journal import JournalWriter, Redactor, read_journal
from harness.judge.results import write_results
from harness.labs.control import LabHostGoneError
from harness.labs.hosting import attach, end_host, start_host
from harness.labs.lease import RENEW_EVERY_S, Lease, LeaseStore
from harness.labs.remote import RemoteLab
from harness.plan.plain import from_plain
from harness.report.run import write_run_page
from harness.run.conductor import Conductor
from harness.run.endpoints import Endpoints
from harness.run.job import Job, load_job
from harness.run.memory import RunMemory, remember
from harness.run.scribe import Scribe
from harness.run.sessions import session_opener
from harness.run.stop import StopFlag
from harness.values import Verdict
from harness.workflows.catalog import workflow_of

log = logging.getLogger("hil.run")


def main(arguments: list[str]) -> int:
    """Conduct or resume the run in the folder given; return the exit code."""
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


def _log_to_stderr(redactor: Redactor) -> None:
    handler = logging.StreamHandler()
    handler.addFilter(redactor.logging_filter())
    handler.setFormatter(logging.Formatter("%(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    for name in ("spnego", "urllib3", "requests"):
        logging.getLogger(name).setLevel(logging.WARNING)


class RunAttempt:
    """One process' share of a run."""

    def __init__(self, job: Job, redactor: Redactor, stop: StopFlag, *, resume: bool) -> None:
        self._job, self._redactor, self._stop = job, redactor, stop
        self._resume = resume
        self._leases = LeaseStore()
        self._renewed_ns = monotonic_ns()

    def run(self) -> Exit:
        """From lease to verdict.  Raises HarnessError when not even a journal could be begun."""
        memory = self._memory()
        if memory.ended is not None:
            log.info("the run has ended already (%s): it is judged again", memory.ended)
            return self._conclude(memory.ended)
        lease = self._lease()
        try:
            lab = self._lab(lease, memory)
        except LabHostGoneError as error:
            self._write_lost(lease, error)
            self._leases.release(lease)
            return self._conclude("lab-lost")
        except HarnessError:
            self._leases.release(lease)
            raise
        reason = self._conduct(lab, lease, memory)
        return self._conclude(reason)

    # --- beginning ---------------------------------------------------------------------------------------------------

    def _memory(self) -> RunMemory:
        path = self._job.folder / "journal.jsonl"
        return remember(read_journal(path)) if self._resume and path.exists() else RunMemory()

    def _lease(self) -> Lease:
        purpose = f"run {self._job.run_id}"
        instance = self._instance() if self._resume else None
        if instance is not None:
            return self._leases.acquire(instance, purpose=purpose)
        return self._leases.acquire_any(self._job.instances, purpose=purpose)

    def _instance(self) -> str | None:
        path = self._job.folder / "journal.jsonl"
        entries = read_journal(path).entries if path.exists() else ()
        return str(entries[0].data["host"]["instance"]) if entries else None

    def _lab(self, lease: Lease, memory: RunMemory) -> RemoteLab:
        """Attach where an update may be under way; else begin with a lab host of our own."""
        if not memory.begun:
            start_host(lease.instance, self._job.lab)
        return attach(lease)

    def _write_lost(self, lease: Lease, error: LabHostGoneError) -> None:
        writer = JournalWriter(self._job.folder, self._redactor)
        scribe = Scribe(writer)
        scribe.attempt_begin(resumed=True, torn_sha256=writer.torn_sha256, epoch=lease.epoch)
        scribe.finding("lab-lost", "lab", Verdict.LAB, str(error))
        scribe.attempt_end("lab-lost", str(error))
        writer.close()

    # --- conducting --------------------------------------------------------------------------------------------------

    def _conduct(self, lab: RemoteLab, lease: Lease, memory: RunMemory) -> str:
        writer = JournalWriter(self._job.folder, self._redactor)
        writer.lab_time = lambda: lab.clock.now_ns()
        scribe = Scribe(writer)
        tainted: str | None = None
        detail = ""
        try:
            if writer.seq == 0:
                scribe.header(self._job, lab, __version__)
            scribe.attempt_begin(resumed=self._resume, torn_sha256=writer.torn_sha256, epoch=lease.epoch)
            conductor = self._conductor(lab, lease, scribe, memory)
            try:
                reason = conductor.conduct()
            finally:
                tainted = conductor.tainted
        except LabHostGoneError as error:
            writer.lab_time = lambda: None
            scribe.finding("lab-lost", "lab", Verdict.LAB, str(error))
            reason, detail = "lab-lost", str(error)
        except JournalError:
            raise
        except Exception as error:
            log.exception("the run ended by a defect")
            scribe.finding("exception", "harness", Verdict.HARNESS, f"{type(error).__name__}: {error}")
            reason, detail = "error", f"{type(error).__name__}: {error}"
        self._scan(scribe)
        scribe.attempt_end(reason, detail)
        writer.close()
        self._release(lab, lease, tainted)
        return "tainted" if tainted and reason == "aborted" else reason

    def _conductor(self, lab: RemoteLab, lease: Lease, scribe: Scribe, memory: RunMemory) -> Conductor:
        scenario = from_plain(self._job.scenario)
        evidence = self._job.folder / "evidence"
        endpoints = Endpoints(session_opener(lab, self._redactor, evidence if self._job.record else None))
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
        end_host(lease.instance)
        self._leases.release(lease, tainted=None if "reset" in lab.capabilities else tainted)

    def _scan(self, scribe: Scribe) -> None:
        """The last look for secrets in everything that the run wrote."""
        for path in sorted(self._job.folder.rglob("*")):
            if path.is_file() and self._redactor.finds_in(path.read_bytes()):
                name = path.relative_to(self._job.folder)
                scribe.finding("secret-leak", "harness", Verdict.HARNESS, f"file '{name}' holds a secret in clear")

    # --- concluding --------------------------------------------------------------------------------------------------

    def _conclude(self, reason: str) -> Exit:
        """The judge and the page, from the journal alone."""
        results = write_results(self._job.folder)
        write_run_page(self._job.folder)
        if reason == "tainted":
            return Exit.TAINTED
        if reason == "aborted":
            return Exit.INTERRUPTED
        return OF_VERDICT[str(results["effective"])]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
