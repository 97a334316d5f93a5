"""The judge: journal → measurements → findings → verdict.  Pure; reads no clock, no lab, no file but the journal."""

from harness.judge.judgement import JUDGE_VERSION, Judgement, judge
from harness.judge.results import write_results
from harness.judge.text import explain_failure

__all__ = ["JUDGE_VERSION", "Judgement", "explain_failure", "judge", "write_results"]
