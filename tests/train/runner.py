"""Runs one test file by unittest and ends with the counts in the form that scripts/count-tests reads."""

import sys
import unittest

suite = unittest.defaultTestLoader.loadTestsFromName(sys.argv[1])
result = unittest.TextTestRunner(verbosity=2).run(suite)
failed = len(result.failures) + len(result.errors)
print(f"[  PASSED  ] {result.testsRun - failed - len(result.skipped)} test(s).")
if result.skipped:
    print(f"[  SKIPPED ] {len(result.skipped)} test(s).")
if failed:
    print(f"[  FAILED  ] {failed} test(s).")
sys.exit(1 if failed else 0)
