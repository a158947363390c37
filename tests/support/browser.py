"""A headless Chromium driven over the DevTools protocol, through its pipe: needs Python only."""
import base64
import json
import os
import pathlib
import select
import shutil
import subprocess
import tempfile
import time

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") \
    or shutil.which("google-chrome")
KEYS = {"Delete": 46, "Enter": 13, "Escape": 27, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39,
        "ArrowDown": 40, "Home": 36, "End": 35}
ALT, CONTROL, META, SHIFT = 1, 2, 4, 8


class Browser:
    """One page at a time; state such as localStorage lives until close()."""

    def __init__(self, width=1400, height=900, dark=False):
        self.profile = tempfile.mkdtemp(prefix="stance-browser-")
        self.downloads = pathlib.Path(tempfile.mkdtemp(prefix="stance-downloads-"))
        to_read, self.writing = os.pipe()
        self.reading, to_write = os.pipe()

        def pipes():
            high = [os.dup(fd) for fd in (to_read, to_write)]
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
                 "--disable-dev-shm-usage", "--remote-debugging-pipe", "--mute-audio",
                 "--disable-background-networking", f"--user-data-dir={self.profile}",
                 f"--window-size={width},{height}", "about:blank"]
        self.process = subprocess.Popen([CHROMIUM, *flags], preexec_fn=pipes, close_fds=False,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(to_write)
        self.buffer, self.events, self.number, self.session = b"", [], 0, None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target,
                                 flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self.call("Browser.setDownloadBehavior", behavior="allow",
                  downloadPath=str(self.downloads))
        # A dialog of the system cannot be answered here: the page then falls back to a download.
        self.call("Page.addScriptToEvaluateOnNewDocument",
                  source="delete window.showSaveFilePicker")

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.writing)
        os.close(self.reading)
        shutil.rmtree(self.profile, ignore_errors=True)
        shutil.rmtree(self.downloads, ignore_errors=True)

    def _message(self, end):
        while b"\0" not in self.buffer:
            if not select.select([self.reading], [], [], max(0, end - time.monotonic()))[0]:
                raise TimeoutError("the browser does not answer")
            data = os.read(self.reading, 1 << 16)
            if not data:
                raise EOFError("the browser is gone")
            self.buffer += data
        text, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(text)

    def call(self, method, **parameters):
        self.number += 1
        request = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            request["sessionId"] = self.session
        data = json.dumps(request).encode() + b"\0"
        while data:
            data = data[os.write(self.writing, data):]
        end = time.monotonic() + 60
        while True:
            message = self._message(end)
            if message.get("id") != self.number:
                self.events.append(message)
            elif "error" in message:
                raise RuntimeError(f"{method}: {message['error']['message']}")
            else:
                return message["result"]

    def errors(self):
        """What the page's scripts and its log complained about."""
        found = []
        for event in self.events:
            if event.get("method") == "Runtime.exceptionThrown":
                details = event["params"]["exceptionDetails"]
                found.append(details.get("exception", {}).get("description", details["text"]))
            if event.get("method") == "Log.entryAdded" \
                    and event["params"]["entry"]["level"] == "error":
                found.append(event["params"]["entry"]["text"])
        return found

    def run(self, script):
        """The value of an expression in the page."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True,
                           awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"]["exception"]["description"])
        return answer["result"].get("value")

    def wait(self, script, seconds=30):
        end = time.monotonic() + seconds
        while True:
            try:
                if self.run(script):
                    return
            except RuntimeError as error:
                if "navigated" not in str(error):
                    raise
            if time.monotonic() > end:
                raise TimeoutError(f"never came true: {script}")
            time.sleep(0.05)

    def open(self, path):
        """Opens a file; a question whether to leave the old page is answered yes. Whether there was
        one is returned."""
        self.events.clear()
        self.number += 1
        request = {"id": self.number, "method": "Page.navigate", "sessionId": self.session,
                   "params": {"url": pathlib.Path(path).resolve().as_uri()}}
        number, asked, end = self.number, False, time.monotonic() + 60
        os.write(self.writing, json.dumps(request).encode() + b"\0")
        answered = loaded = False
        while not (answered and loaded):
            message = self._message(end)
            answered = answered or message.get("id") == number
            loaded = loaded or message.get("method") == "Page.loadEventFired"
            if message.get("method") == "Page.javascriptDialogOpening":
                asked = message["params"]["type"] == "beforeunload"
                answer = {"id": 10 ** 6 + number, "method": "Page.handleJavaScriptDialog",
                          "sessionId": self.session, "params": {"accept": True}}
                os.write(self.writing, json.dumps(answer).encode() + b"\0")
            elif "method" in message:
                self.events.append(message)
        return asked

    def key(self, key, modifiers=0, code=None):
        text = {} if len(key) > 1 or modifiers & ~SHIFT else {"text": key}
        virtual = KEYS.get(key) or ord(key.upper()[0])
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, modifiers=modifiers,
                  code=code or key, windowsVirtualKeyCode=virtual, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, modifiers=modifiers,
                  code=code or key, windowsVirtualKeyCode=virtual)

    def mouse(self, kind, x, y, button="left", **more):
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button=button, **more)

    def click(self, x, y, button="left"):
        self.mouse("mouseMoved", x, y, "none")
        self.mouse("mousePressed", x, y, button, clickCount=1)
        self.mouse("mouseReleased", x, y, button, clickCount=1)

    def drag(self, start, end, steps=4):
        self.mouse("mouseMoved", *start, "none")
        self.mouse("mousePressed", *start, clickCount=1)
        for i in range(1, steps + 1):
            self.mouse("mouseMoved", *(a + (b - a) * i / steps for a, b in zip(start, end)),
                       buttons=1)
        self.mouse("mouseReleased", *end, clickCount=1)

    def middle(self, selector):
        """The middle of an element on the screen."""
        return self.run("(() => { const b = document.querySelector(" + json.dumps(selector)
                        + ").getBoundingClientRect();"
                        " return [b.x + b.width / 2, b.y + b.height / 2]; })()")

    def downloaded(self, seconds=30):
        """The bytes of the one file that was downloaded; it is taken away."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            files = list(self.downloads.iterdir())
            if files and not any(f.suffix == ".crdownload" or f.name.startswith(".")
                                 for f in files):
                data = files[0].read_bytes()
                files[0].unlink()
                return files[0].name, data
            time.sleep(0.05)
        raise TimeoutError("nothing was downloaded")

    def screenshot(self, path):
        data = self.call("Page.captureScreenshot", format="png")["data"]
        pathlib.Path(path).write_bytes(base64.b64decode(data))
