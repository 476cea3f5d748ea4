# SPDX-License-Identifier: MIT

"""tally.py FOLDER: adds up the results of one run, and says what was skipped and why.

A unit test program counts as one test; in a pytest file each test counts.
Exits 1 when nothing ran, or when something was skipped and MAILCHUTE_NO_SKIPS is set.
What says "a sanitized build ..." is measured in the release build and may be skipped.
"""

import collections
import os
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path


def outcome(case):
    for child in case:
        if child.tag in ("failure", "error"):
            return "failed"
        if child.tag == "skipped":
            return "skipped"
    if case.get("status") in ("fail", "notrun", "disabled"):
        return "failed" if case.get("status") == "fail" else "skipped"
    return "passed"


def main():
    folder = Path(sys.argv[1])
    counts = collections.Counter()
    reasons = collections.Counter()
    whole = ElementTree.parse(folder / "ctest.xml").getroot().iter("testcase")
    for case in whole:
        name = case.get("name")
        single = folder / (name.removeprefix("pytest/").replace("/", "_") + ".xml")
        if not name.startswith("pytest/") or not single.exists():
            counts[outcome(case)] += 1
            if outcome(case) == "skipped":
                reasons[(name, "not run by ctest")] += 1
            continue
        cases = list(ElementTree.parse(single).getroot().iter("testcase"))
        results = [outcome(one) for one in cases]
        counts.update(results)
        # pytest itself may have been stopped by ctest's time limit after its last result.
        if outcome(case) == "failed" and "failed" not in results:
            counts["failed"] += 1
        for one in cases:
            for skipped in one.iter("skipped"):
                reasons[(name, skipped.get("message", ""))] += 1

    for (name, reason), count in sorted(reasons.items()):
        print(f"skipped: {name} ({count}): {reason}")
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    serious = [reason for _, reason in reasons if not reason.startswith("a sanitized build")]
    if serious and os.environ.get("MAILCHUTE_NO_SKIPS"):
        print("a skipped test counts as a failure here", file=sys.stderr)
        return 1
    return 0 if counts["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
