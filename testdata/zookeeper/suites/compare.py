"""Results of one suite on two servers, side by side: compare.py SUITE APACHE KEEPER [REASONS].

APACHE and KEEPER are JUnit's XML files, or text with a line for each check. Prints counts, then each
test that ended differently with the reason that REASONS has for it: lines of a pattern, a blank and
the reason. Ends with 1 if a difference has none.
"""

import fnmatch
import sys
import xml.etree.ElementTree as ElementTree


def of_xml(path):
    results = {}
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        name = case.get("classname", "").rsplit(".", 1)[-1] + "." + case.get("name", "")
        if case.find("failure") is not None or case.find("error") is not None:
            results[name] = "failed"
        else:
            results[name] = "skipped" if case.find("skipped") is not None else "passed"
    return results


def of_text(path):
    """Lines that are the same count once."""
    results = {}
    with open(path, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            line = line.rstrip()
            if line.startswith("FAILED "):
                results[line[7:]] = "failed"
            elif line:
                results[line[3:] if line.startswith("ok ") else line] = "passed"
    return results


def main():
    suite, apache, keeper = sys.argv[1:4]
    read = of_xml if apache.endswith(".xml") else of_text
    apache, keeper = read(apache), read(keeper)
    reasons = []
    for path in sys.argv[4:]:
        with open(path, encoding="utf-8") as lines:
            reasons += [line.split(None, 1) for line in lines if line.strip() and line[0] != "#"]
    for name, results in (("Apache", apache), ("keeper", keeper)):
        ended = list(results.values())
        counts = ", ".join(f"{ended.count(kind)} {kind}" for kind in ("passed", "failed", "skipped"))
        print(f"{suite}, {name}: {counts}")
    unexplained = 0
    for name in sorted(apache.keys() | keeper.keys()):
        was, now = apache.get(name, "absent"), keeper.get(name, "absent")
        if was == now:
            continue
        reason = next((why.strip() for what, why in reasons if fnmatch.fnmatch(name, what)), None)
        unexplained += reason is None and now != "passed"
        print(f"  {name}: Apache {was}, keeper {now}: {reason or 'NO REASON KNOWN'}")
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
