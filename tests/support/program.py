"""Calls of the program under test (the first argument of the script), each in a folder of its own."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import small_files

PROGRAM = pathlib.Path(sys.argv[1]).resolve()
SOURCE = pathlib.Path(__file__).resolve().parents[2]
SHARED = pathlib.Path(os.environ.get("STANCE_SHARED", SOURCE / "../shared")).resolve()
MODELS = SHARED / "data/models"
PICTURES = SHARED / "data/images"
OK, SOME_FAILED, USAGE, NO_MODEL, FAILED = range(5)
TIERS = ("ref", "avx2", "avx512", "neon")


def tier_present(tier):
    with tempfile.NamedTemporaryFile(suffix=".onnx") as model:
        model.write(small_files.relu())
        model.flush()
        done = subprocess.run([PROGRAM, "run", model.name, "--shape", "2x3"], capture_output=True,
                              check=False, env={**os.environ, "STANCE_CPU": tier})
    return b"STANCE_CPU asks for" not in done.stderr


class Case(unittest.TestCase):
    """One folder a test, with an environment of its own."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="stance-cli-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.write("relu.onnx", small_files.relu())
        self.write("sum.onnx", small_files.sum_open())
        self.write("open.onnx", small_files.onnx([small_files.node("Relu", ["x"], ["y"])],
                                                 {"x": [1, "n"]}, {"y": [1, "n"]}))

    def write(self, name, data):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    def read(self, name):
        return (self.folder / name).read_bytes()

    def environment(self, changes=None):
        kept = {k: v for k, v in os.environ.items()
                if not k.startswith(("STANCE_", "XDG_")) and k != "NO_COLOR"}
        return {**kept, "HOME": str(self.folder / "home"), **(changes or {})}

    def call(self, *arguments, env=None, stdout=subprocess.PIPE, timeout=60):
        done = subprocess.run([PROGRAM, *map(str, arguments)], cwd=self.folder, check=False,
                              env=self.environment(env), stdin=subprocess.DEVNULL, stdout=stdout,
                              stderr=subprocess.PIPE, timeout=timeout)
        told = done.stderr.decode(errors="replace")
        self.assertGreaterEqual(done.returncode, 0, f"died of a signal: {arguments}\n{told}")
        self.assertNotRegex(told, "Sanitizer|runtime error:")
        return done.returncode, (done.stdout or b"").decode(errors="surrogateescape"), told

    def good(self, *arguments, **how):
        """Standard output of a call that must succeed without complaint."""
        code, text, told = self.call(*arguments, **how)
        self.assertEqual(code, OK, f"{arguments}\n{told}")
        self.assertNotIn("stance: ", told)
        return text

    def bad(self, wanted, *arguments, says="", **how):
        """The one sentence of a call that must fail with that exit code."""
        code, _, told = self.call(*arguments, **how)
        self.assertEqual(code, wanted, f"{arguments}\n{told}")
        sentences = [line for line in told.splitlines() if line.startswith("stance: ")]
        self.assertEqual(len(sentences), 1, f"{arguments}: not one sentence:\n{told}")
        self.assertRegex(sentences[0], rf"(?s)^stance: (?=\S).*{says}")
        return told

    def commands(self):
        return re.findall(r"^  (\w+)  +\S", self.good("help"), re.M)


def main():
    """Runs the tests of the calling script and counts them as cmocka does."""
    result = unittest.main(argv=[sys.argv[0], *sys.argv[2:]], exit=False).result
    failed = len({getattr(test, "test_case", test) for test, _ in result.failures + result.errors})
    skipped = len(result.skipped)
    sys.stdout.flush()
    print(f"[  PASSED  ] {max(result.testsRun - failed - skipped, 0)} test(s).")
    if skipped:
        print(f"[  SKIPPED ] {skipped} test(s).")
    if failed:
        print(f"[  FAILED  ] {failed} test(s).")
    sys.exit(1 if failed else 0)
