"""What a part of the tests came to: how many passed, and which failed or were skipped, and why."""

import dataclasses


@dataclasses.dataclass
class Outcome:
    """Counts of one part. `failed` and `skipped` hold one line for each, so that nothing is counted without a name."""

    passed: int = 0
    failed: list[str] = dataclasses.field(default_factory=list)
    skipped: list[str] = dataclasses.field(default_factory=list)

    def add(self, other: "Outcome") -> None:
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def __str__(self) -> str:
        return f"{self.passed} passed, {len(self.failed)} failed, {len(self.skipped)} skipped"
