"""The ten slowest tests: slowest.py FILE...

Files are reports in JUnit's format (.xml), or events of Swift Testing (.jsonl). Swift's tests run in
parallel, and one waits for its turn after it "started"; only cases of tests with arguments say when
they began, so that Swift's other tests are not listed.
"""

import collections
import json
import os
import sys
import xml.etree.ElementTree as ElementTree

seconds: dict[str, float] = collections.defaultdict(float)
for path in sys.argv[1:]:
    part, kind = os.path.splitext(os.path.basename(path))
    if kind == ".xml" and os.path.getsize(path):
        for case in ElementTree.parse(path).iter("testcase"):
            name = ".".join(filter(None, [case.get("classname"), case.get("name")]))
            seconds[f"{part}: {name}"] += float(case.get("time") or 0)
    elif kind == ".jsonl":
        with open(path, encoding="utf-8") as events:
            for line in events:
                event = json.loads(line)["payload"]
                sign = {"testCaseStarted": -1, "testCaseEnded": 1}.get(event.get("kind"))
                if sign:
                    name = event["testID"].rsplit("/", 1)[0]
                    seconds[f"{part}: {name}"] += sign * event["instant"]["absolute"]
for name, time in sorted(seconds.items(), key=lambda item: -item[1])[:10]:
    print(f"{time:8.1f} s  {name}")
print(f"{len(seconds)} tests")
