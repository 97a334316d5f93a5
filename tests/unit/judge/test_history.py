"""Stored runs: of which kind each is, which count, and limits that come from them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.judge.budgets import budget_rows, has_budgets
from harness.judge.history import (
    LADDER,
    NO_FAULTS,
    HistoryKey,
    LeftOut,
    StoredRun,
    key_of,
    look_up,
    read_history,
    read_run,
    run_folders,
)
from harness.judge.judgement import judge
from harness.judge.observations import Per, measure_named, observe
from harness.judge.outages import AWAY, METRICS, drains_in, guests_of, worst_in_drain
from harness.judge.results import write_results
from harness.testing.journals import Outage
from harness.testing.stories import STORIES, Telling
from harness.values import Verdict

Store = Callable[..., Path]

KEY = HistoryKey("product", "physical", "solution", "12.1 → 12.2", 4, "", NO_FAULTS)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Tell a story as a judged run folder; `builder` are attributes of its journal's builder."""
    number = 0

    def stored(
        story: str = "upd-001", *, judged: bool = True, builder: dict[str, Any] | None = None, **changes: Any
    ) -> Path:
        nonlocal number
        number += 1
        telling = Telling(tmp_path / f"run-{number}", replace(STORIES[story], **{"poll_s": 300, **changes}))
        telling.builder.seed = number
        for name, value in (builder or {}).items():
            setattr(telling.builder, name, value)
        folder = telling.tell().path.parent
        if judged:
            write_results(folder)
        return folder

    return stored


def stored_run(number: int, value: float | None, key: HistoryKey = KEY) -> StoredRun:
    measured = {"vm.outage.longest": (value, "s")}
    names = (f"run-{number}", Path(f"run-{number}"), "UPD-001", key, Verdict.PASS, f"2026-01-01T00:00:{number:02d}Z")
    return StoredRun(*names, "rack", "0" * 64, str(number), False, 40, measured)


def edit_results(folder: Path, **changes: Any) -> None:
    path = folder / "results.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


class TestReading:
    def test_a_run_says_what_it_is(self, store: Store) -> None:
        run = read_run(store(builder={"subject": "product", "machines": "physical"}))
        assert isinstance(run, StoredRun)
        assert (run.scenario, run.verdict, run.guests, run.lab) == ("UPD-001", Verdict.PASS, 8, "twin-4node")
        assert run.key == HistoryKey("product", "physical", "solution", "? → 12.2510.1002.94", 4, "", NO_FAULTS)
        assert run.key.label == "evidence about the product"
        assert run.value("sampler.coverage", "%") == 100.0
        assert run.value("update.duration", "count") is None

    def test_faults_make_another_kind(self, store: Store) -> None:
        plain, faulted = read_run(store()), read_run(store("upd-002"))
        assert isinstance(plain, StoredRun)
        assert isinstance(faulted, StoredRun)
        assert plain.key.faults == NO_FAULTS != faulted.key.faults
        assert replace(faulted.key, faults=NO_FAULTS) == plain.key

    @pytest.mark.parametrize(
        ("changes", "why"),
        [
            ({"judge": {"version": "0", "harness": "0.1"}}, "version 0 of the judge made its results.json"),
            ({"journal": {"bytes": 1, "torn": False}}, "its journal changed after it was judged"),
            ({"verdict": "harness", "cause": {"summary": "it broke"}}, "verdict harness: it broke"),
            ({"verdict": "lab", "cause": None}, "verdict lab"),
            ({"verdict": "inconclusive", "because": []}, "verdict inconclusive"),
            ({"measurements": [{"name": "sampler.coverage", "value": 0.99, "unit": "ratio"}]}, "low coverage: 99 %"),
            ({"measurements": []}, "no virtual machine was sampled"),
            ({"measurements": None}, "it cannot be read"),
        ],
    )
    def test_left_out_with_the_reason(self, store: Store, changes: dict[str, Any], why: str) -> None:
        folder = store()
        edit_results(folder, **changes)
        found = read_run(folder)
        assert isinstance(found, LeftOut)
        assert why in found.why
        assert found.run_id == "run-1"

    def test_a_run_that_was_not_judged(self, store: Store) -> None:
        found = read_run(store(judged=False))
        assert isinstance(found, LeftOut)
        assert found.why == "it was not judged yet: hil report build run-1"

    def test_a_journal_without_a_line(self, tmp_path: Path) -> None:
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "journal.jsonl").touch()
        found = read_run(tmp_path / "run")
        assert isinstance(found, LeftOut)
        assert "cannot be read" in found.why

    def test_a_planted_defect_is_no_history(self, store: Store) -> None:
        scenario = {"id": "DET-001", "provoke": [{"defect": "no_ha_restart"}], "workflow": {"kind": "solution"}}
        found = read_run(store(builder={"scenario": scenario}))
        assert isinstance(found, LeftOut)
        assert found.why == "the defect 'no_ha_restart' was planted on purpose"

    def test_a_failed_run_counts(self, store: Store) -> None:
        found = read_run(store("det-001"))
        assert isinstance(found, StoredRun)
        assert found.verdict is Verdict.FAIL


class TestHistory:
    def test_oldest_first_and_bad_folders_apart(self, store: Store, tmp_path: Path) -> None:
        store(), store(judged=False), store("upd-002", scenario_id="UPD-002")
        (tmp_path / "no-run").mkdir()
        history = read_history(run_folders(tmp_path))
        assert [run.run_id for run in history.runs] == ["run-1", "run-3"]
        assert [run.run_id for run in history.left_out] == ["run-2"]
        assert history.scenarios == ("UPD-001", "UPD-002")
        assert [run.run_id for run in history.of_scenario("UPD-002").runs] == ["run-3"]
        assert history.of_scenario("UPD").runs == ()

    def test_the_same_seed_on_a_virtual_clock_counts_once(self, store: Store, tmp_path: Path) -> None:
        for _ in range(3):
            store(builder={"seed": 5})
        store(builder={"seed": 6})
        history = read_history(run_folders(tmp_path))
        assert [run.run_id for run in history.runs] == ["run-3", "run-4"]
        assert {run.run_id for run in history.left_out} == {"run-1", "run-2"}
        assert "the same seed 5 as run-3" in history.left_out[1].why

    def test_rehearsal_and_evidence_are_two_kinds_and_evidence_comes_first(self, store: Store, tmp_path: Path) -> None:
        for subject in ("simulated", "simulated", "product"):
            store(builder={"subject": subject})
        kinds = read_history(run_folders(tmp_path)).by_key()
        assert [(key.subject, len(runs)) for key, runs in kinds.items()] == [("product", 1), ("simulated", 2)]


class TestKey:
    def scenario(self, **more: Any) -> dict[str, Any]:
        workflow = {"kind": "solution", "target": {"solution": "12.2"}, "options": {"prepare_only": False}}
        return {"from": {"solution": "12.1"}, "workflow": workflow, "faults": [], "provoke": [], "leg": None} | more

    def test_from_and_to(self) -> None:
        lab = {"subject": "emulated", "machines": "virtual", "nodes": ["A", "B"], "storage": "2-way mirror"}
        key = key_of(self.scenario(), lab)
        assert str(key) == (
            "solution 12.1 → 12.2, 2 nodes, storage 2-way mirror, no faults, emulated on virtual machines"
        )
        assert not key.evidence

    def test_of_an_sbe(self) -> None:
        workflow = {"kind": "sbe", "target": {"sbe": "4.1.2510.2"}}
        key = key_of(self.scenario(workflow=workflow) | {"from": {"solution": "12.1", "sbe": "4.1.2509.3"}}, {})
        assert (key.update, key.versions) == ("sbe", "4.1.2509.3 → 4.1.2510.2")

    def test_of_a_month(self) -> None:
        key = key_of(self.scenario(workflow={"kind": "hotpatch", "guest_updates": {"month": "2025-12"}}), {})
        assert (key.update, key.versions) == ("hotpatch", "2025-12")

    def test_parts_of_an_update_are_not_the_whole(self) -> None:
        prepared = self.scenario()["workflow"] | {"options": {"prepare_only": True}}
        assert key_of(self.scenario(workflow=prepared), {}).update == "solution, prepare only"
        assert key_of(self.scenario(leg={"number": 1, "of": 3}), {}).update == "solution, leg 1 of 3"

    def test_what_was_planted_is_part_of_the_schedule(self) -> None:
        fault, cause = [{"id": "dies"}], [{"cause": "system-drive-full"}]
        keys = {key_of(self.scenario(**more), {}).faults for more in ({}, {"faults": fault}, {"provoke": cause})}
        assert len(keys) == 3


class TestLadder:
    RUNS = (
        *(stored_run(number, 1.0) for number in range(3)),
        *(stored_run(number, 2.0, replace(KEY, versions="12.0 → 12.1")) for number in range(3, 7)),
        *(stored_run(number, 3.0, replace(KEY, nodes=8, storage="mirror")) for number in range(7, 9)),
        *(stored_run(number, 9.0, replace(KEY, faults="abcd")) for number in range(9, 20)),
        *(stored_run(number, 9.0, replace(KEY, subject="simulated", machines="none")) for number in range(20, 40)),
        *(stored_run(number, 9.0, replace(KEY, update="sbe")) for number in range(40, 60)),
        stored_run(60, None),
    )

    @pytest.mark.parametrize(
        ("needed", "rung", "found"),
        [(3, 0, 3), (4, 2, 7), (8, 4, 9), (10, 4, 9)],
    )
    def test_first_step_with_enough(self, needed: int, rung: int, found: int) -> None:
        sample = look_up(self.RUNS, KEY, "vm.outage.longest", needed)
        assert sample.rung is LADDER[rung]
        assert len(sample.values) == found
        assert max(value for _, value in sample.values) < 9.0, "neither faults nor rehearsals nor other updates"

    def test_steps_that_had_too_few_are_told(self) -> None:
        sample = look_up(self.RUNS, KEY, "vm.outage.longest", 8)
        tried = [("the same kind of run", 3), ("any fault schedule", 3), ("any versions", 7), ("any storage layout", 7)]
        assert list(sample.tried) == tried

    def test_other_fault_schedules_before_other_versions(self) -> None:
        sample = look_up(self.RUNS, replace(KEY, faults="1234"), "vm.outage.longest", 10)
        assert sample.rung.name == "any fault schedule"
        assert len(sample.values) == 11


def limited(**limit: Any) -> dict[str, Any]:
    scenario = TestKey().scenario()
    return scenario | {"limits": {"vm.outage.longest": {"ge": None, "le": None, "unit": "s"} | limit}}


LAB = {"subject": "product", "machines": "physical", "nodes": ["A", "B", "C", "D"]}


class TestBudgets:
    def test_limit_is_the_largest_of_59(self) -> None:
        runs = [stored_run(number, 1 + number / 100) for number in range(59)]
        row = budget_rows(limited(budget="p95", confidence="95%"), LAB, runs)["vm.outage.longest"]
        assert (row["op"], row["value"], row["unit"]) == ("<=", 1.58, "s")
        assert row["origin"] == (
            "history: p95 at 95% of 59 runs, their largest; key: solution 12.1 → 12.2, 4 nodes, no faults, "
            "product on physical machines, the same kind of run"
        )
        assert (row["history"]["order"], len(row["history"]["runs"])) == (59, 59)

    def test_second_largest_of_93_after_a_fall_back(self) -> None:
        runs = [
            *(stored_run(number, 1 + number / 100) for number in range(12)),
            *(stored_run(number, 1 + number / 100, replace(KEY, versions="x")) for number in range(12, 93)),
        ]
        row = budget_rows(limited(budget="p95", confidence="95%"), LAB, runs)["vm.outage.longest"]
        assert row["value"] == pytest.approx(1.91)
        assert "p95 at 95% of 93 runs, their value number 2 from the largest" in row["origin"]
        assert row["origin"].endswith(
            "any versions; fell back from the same kind of run (12 runs), any fault schedule (12 runs)"
        )
        assert row["history"]["tried"][0] == {"step": "the same kind of run", "runs": 12}

    def test_too_few_give_no_limit_but_say_why(self) -> None:
        row = budget_rows(limited(budget="p99", confidence="95%"), LAB, [stored_run(1, 1.0)])["vm.outage.longest"]
        assert row["value"] is None
        assert row["origin"].startswith(
            "history: no p99 at 95%, which needs 299 runs; there are 1 of the same kind of run; key: solution 12.1"
        )
        assert [step["step"] for step in row["history"]["tried"]] == [rung.name for rung in LADDER]

    def test_steps_on_which_the_history_grew_are_named(self) -> None:
        runs = [stored_run(1, 1.0), stored_run(2, 1.0, replace(KEY, versions="x"))]
        row = budget_rows(limited(budget="p95"), LAB, runs)["vm.outage.longest"]
        assert "there are 1 of the same kind of run, 2 of any versions; key" in row["origin"]

    def test_a_measurement_in_another_unit_is_converted(self) -> None:
        runs = [replace(stored_run(number, None), measurements={"update.duration": (2.0, "h")}) for number in range(5)]
        scenario = limited() | {"limits": {"update.duration": {"unit": "s", "budget": "p50", "confidence": "95%"}}}
        assert budget_rows(scenario, LAB, runs)["update.duration"]["value"] == 7200.0

    def test_fixed_limits_are_none_of_its_business(self) -> None:
        scenario = limited(le=2.0)
        assert not has_budgets(scenario)
        assert budget_rows(scenario, LAB, []) == {}
        assert has_budgets(limited(budget="p95"))


ROW = {"measurement": "vm.outage.longest", "op": "<=", "unit": "s", "origin": "history: no p95 at 95%, which needs 59"}


class TestJudging:
    def test_without_history_a_run_is_inconclusive_and_keeps_its_number(self, store: Store) -> None:
        folder = store(limits=({**ROW, "value": None},))
        results = json.loads((folder / "results.json").read_text())
        assert results["verdict"] == "inconclusive"
        assert results["cause"]["id"] == "no-budget:vm.outage.longest"
        assert "no p95 at 95%, which needs 59" in results["cause"]["summary"]
        row = results["measurements"][0]
        assert (row["name"], row["outcome"], row["limit"]) == ("vm.outage.longest", "unset", None)
        assert row["value"] > 0
        assert "limit from history: no p95" in row["detail"]

    def test_it_is_the_beginning_of_a_history(self, store: Store) -> None:
        found = read_run(store(limits=({**ROW, "value": None},)))
        assert isinstance(found, StoredRun)
        assert found.value("vm.outage.longest", "s") == pytest.approx(0.4)

    def test_something_else_that_is_missing_keeps_it_out(self, store: Store) -> None:
        other = {"measurement": "trigger.lag", "op": "<=", "value": 1, "unit": "s", "origin": "plan"}
        assert isinstance(read_run(store(limits=({**ROW, "value": None}, other))), LeftOut)

    def test_a_failure_of_the_product_is_not_hidden(self, store: Store) -> None:
        folder = store("det-001", limits=({**ROW, "value": None},))
        assert json.loads((folder / "results.json").read_text())["verdict"] == "fail"

    @pytest.mark.parametrize(("value", "verdict"), [(1.0, "pass"), (0.1, "fail")])
    def test_with_history_the_number_is_the_limit(self, store: Store, value: float, verdict: str) -> None:
        folder = store(limits=({**ROW, "value": value, "origin": "history: p95 at 95% of 61 runs"},))
        results = json.loads((folder / "results.json").read_text())
        assert results["verdict"] == verdict
        assert results["measurements"][0]["limit"] == value
        assert results["measurements"][0]["detail"].endswith("limit from history: p95 at 95% of 61 runs")


class TestOutages:
    def test_run_level_values_agree_with_the_judge(self, store: Store) -> None:
        folder = store("upd-002", outages=(Outage("vm03", 5000, 5003, "isolated"),))
        run = read_run(folder)
        assert isinstance(run, StoredRun)
        for name in (name for name in METRICS if name != AWAY):
            (observed,), _ = observe(read_history([folder]), measure_named(name, Per.RUN), Per.RUN)
            assert observed.numbers[0] == pytest.approx(run.value(name, METRICS[name].unit)), name

    def test_a_restart_is_a_time_away_but_no_outage(self, store: Store) -> None:
        folder = store(outages=(Outage("vm05", 400, 460, "restart"),))
        values = {}
        for name in (AWAY, "vm.outage.longest"):
            (observed,), _ = observe(read_history([folder]), measure_named(name, Per.RUN), Per.RUN)
            values[name] = observed.numbers[0]
        assert values[AWAY] == pytest.approx(60, abs=0.2)
        assert values["vm.outage.longest"] < 1

    def test_a_guest_that_never_came_back_was_away_for_ever(self, store: Store) -> None:
        folder = store(outages=(Outage("vm05", 400, None, "restart"),))
        (observed,), _ = observe(read_history([folder]), measure_named(AWAY, Per.RUN), Per.RUN)
        assert observed.numbers == (float("inf"),)

    def test_an_outage_is_charged_to_the_drain_of_its_node_alone(self, store: Store) -> None:
        quiet = read_run(store())
        assert isinstance(quiet, StoredRun)
        drains = drains_in(quiet)
        assert [drain.node for drain in drains] == ["NODE01", "NODE02", "NODE03", "NODE04"]
        assert drains[1].guests == ("vm02", "vm06")
        begin_s = drains[1].begin_ns / 1e9
        disturbed = (
            Outage("vm06", begin_s + 40, begin_s + 47, "isolated"),
            Outage("vm03", begin_s + 40, begin_s + 49, "isolated"),
        )
        run = read_run(store(outages=disturbed))
        assert isinstance(run, StoredRun)
        worst = [worst_in_drain(drain, guests_of(run), METRICS[AWAY]) for drain in drains_in(run)]
        assert worst[1] == pytest.approx(7, abs=0.2)
        assert max(worst[0], worst[2], worst[3]) < 1

    def test_drains_that_were_only_looked_at_count_too(self, store: Store) -> None:
        run = read_run(store(by_looks=True, poll_s=60))
        assert isinstance(run, StoredRun)
        drains = drains_in(run)
        assert [drain.node for drain in drains] == ["NODE01", "NODE02", "NODE03", "NODE04"]
        assert all(drain.begin_ns < drain.end_ns for drain in drains)

    def test_each_guest_of_a_run(self, store: Store) -> None:
        (observed,), _ = observe(read_history([store()]), measure_named(AWAY, Per.VM), Per.VM)
        assert len(observed.values) == 8
        assert observed.vm_class == "all"

    def test_classes_of_guests_are_apart_where_the_ledger_names_them(self, store: Store) -> None:
        folder = store()
        path = folder / "ledger.json"
        ledger = json.loads(path.read_text())
        for vm in ledger["vms"][:3]:
            vm["class"] = "gold"
        path.write_text(json.dumps(ledger))
        found, _ = observe(read_history([folder]), measure_named(AWAY, Per.VM), Per.VM)
        assert {each.vm_class: len(each.values) for each in found} == {"all": 5, "gold": 3}

    def test_a_ledger_that_is_gone_leaves_the_run_out(self, store: Store) -> None:
        folder = store()
        (folder / "ledger.json").unlink()
        found, left_out = observe(read_history([folder]), measure_named(AWAY, Per.RUN), Per.RUN)
        assert found == ()
        assert "hil report build" in left_out[0].why or "cannot read" in left_out[0].why

    def test_a_changed_journal_gives_no_drains(self, store: Store) -> None:
        folder = store()
        path = folder / "journal.jsonl"
        path.write_bytes(path.read_bytes().replace(b'"NODE03"', b'"NODE93"', 1))
        found, left_out = observe(read_history([folder]), measure_named(AWAY, Per.DRAIN), Per.DRAIN)
        assert found == ()
        assert "it cannot be read" in left_out[0].why


class TestRunsThatEndedEarly:
    """A run that never drained the third node cannot show that this would have gone well."""

    def observed(self, folder: Path, metric: str, per: Per = Per.RUN, limit: float | None = None) -> tuple[Any, Any]:
        return observe(read_history([folder]), measure_named(metric, per), per, limit)

    def test_a_clean_one_is_no_observation(self, store: Store) -> None:
        folder = store("det-004")
        run = read_run(folder)
        assert isinstance(run, StoredRun)
        assert (run.verdict, run.complete) == (Verdict.STUCK, False)
        found, left_out = self.observed(folder, AWAY, limit=2.0)
        assert [each.values for each in found] == [()]
        assert [each.run_id for each in found[0].incomplete] == [run.run_id]
        assert left_out[0].why.startswith("it ended before its change was done")

    def test_one_beyond_the_limit_is(self, store: Store) -> None:
        folder = store("det-004", outages=(Outage("vm05", 400, 460, "isolated"),))
        (found,), left_out = self.observed(folder, AWAY, limit=2.0)
        assert found.numbers == (pytest.approx(60, abs=0.2),)
        assert left_out == ()

    def test_its_verdict_and_its_drains_count(self, store: Store) -> None:
        folder = store("det-004")
        assert self.observed(folder, "verdict", limit=0.0)[0][0].numbers == (1.0,)
        assert len(self.observed(folder, AWAY, Per.DRAIN, 2.0)[0][0].values) == 1

    def test_an_update_that_got_stuck_was_never_done(self, store: Store) -> None:
        (found,), _ = self.observed(store("det-004"), "update.duration", limit=36000.0)
        assert found.numbers == (float("inf"),)
        assert found.measure.text(found.numbers[0]) == "never done"

    def test_it_is_no_history_for_a_limit(self) -> None:
        runs = [replace(stored_run(number, 1.0), complete=number > 2) for number in range(7)]
        assert len(look_up(runs, KEY, "vm.outage.longest", 1).values) == 4

    def test_a_preparation_is_complete_where_it_did_not_fail(self, store: Store) -> None:
        workflow = {"kind": "solution", "target": {"solution": "12.2"}, "options": {"prepare_only": True}}
        folder = store(builder={"scenario": {"id": "UPD-001", "workflow": workflow, "faults": []}})
        edit_results(folder, measurements=[{"name": "sampler.coverage", "value": 1.0, "unit": "ratio"}], verdict="pass")
        run = read_run(folder)
        assert isinstance(run, StoredRun)
        assert run.complete


def test_the_judge_reads_a_limit_without_value(store: Store) -> None:
    from harness.journal import read_journal

    judgement = judge(read_journal(store(limits=({**ROW, "value": None},)) / "journal.jsonl"))
    assert judgement.case.limits[0].value is None
    assert judgement.case.bound(("vm.outage.longest",), "s") is None
