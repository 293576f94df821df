"""The ten slowest tests of some reports in JUnit's format: slowest.py FILE..."""

import os
import sys
import xml.etree.ElementTree as ElementTree

tests = []
for path in sys.argv[1:]:
    if os.path.exists(path) and os.path.getsize(path):
        part = os.path.basename(path).removesuffix(".xml")
        for case in ElementTree.parse(path).iter("testcase"):
            name = ".".join(filter(None, [case.get("classname"), case.get("name")]))
            tests.append((float(case.get("time") or 0), f"{part}: {name}"))
for seconds, name in sorted(tests, reverse=True)[:10]:
    print(f"{seconds:8.1f} s  {name}")
print(f"{len(tests)} tests")
