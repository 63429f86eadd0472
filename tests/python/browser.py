"""Looks at pages in Chromium, as people get them, and prints what is wrong with each, a line a finding.

    browser.py ADDRESS…

Each address is opened at 320 and 1280 CSS pixels. Wrong is: what axe-core finds (WCAG 2.1, A and AA, and its best practices),
a page wider than the window, anything in the console (what the content security policy stopped is told there), and a link, button
or field that the Tab key does not reach. A picture of each is left in the folder VENTANILLA_PICTURES, where that is set. Ends with 0 when
nothing is wrong.
"""

import argparse
import asyncio
import base64
import json
import os
import re
import sys
import tempfile
from pathlib import Path

import aiohttp
import axe_core_python

AXE = Path(axe_core_python.__file__).with_name("axe.min.js").read_text()
WIDTHS = (320, 1280)
CHROMIUM = [
    "chromium",
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--remote-debugging-port=0",
    "--ignore-certificate-errors",
    "--no-first-run",
    "--accept-lang=es-ES",
    "about:blank",
]
# What the Tab key has to reach.
REACHED = "a[href], button, input, select, textarea, [tabindex='0']"
MARK = f"""[...document.querySelectorAll("{REACHED}")].filter((one) => one.getClientRects().length).map(
    (one, place) => (one.dataset.place = place, one.outerHTML.slice(0, 120)))"""


class Tab:
    """A page of the browser, over the DevTools protocol."""

    def __init__(self, socket):
        self.socket = socket
        self.calls = 0
        self.answers = {}
        self.console = []
        self.loaded = asyncio.Event()
        self.reader = asyncio.create_task(self.read())

    async def read(self):
        async for message in self.socket:
            said = json.loads(message.data)
            if "id" in said:
                self.answers.pop(said["id"]).set_result(said)
            elif said["method"] == "Page.loadEventFired":
                self.loaded.set()
            elif said["method"] == "Log.entryAdded":
                self.console.append(said["params"]["entry"]["text"])
            elif said["method"] == "Runtime.exceptionThrown":
                self.console.append(said["params"]["exceptionDetails"]["text"])

    async def call(self, method, **params):
        self.calls += 1
        answer = self.answers[self.calls] = asyncio.get_running_loop().create_future()
        await self.socket.send_json({"id": self.calls, "method": method, "params": params})
        said = await asyncio.wait_for(answer, 60)
        if "error" in said:
            raise RuntimeError(f"{method}: {said['error']['message']}")
        return said["result"]

    async def run(self, script):
        done = await self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in done:
            raise RuntimeError(done["exceptionDetails"]["exception"].get("description", done))
        return done["result"].get("value")

    async def open(self, address, width):
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=width < 700,
        )
        self.loaded.clear()
        self.console.clear()
        await self.call("Page.navigate", url=address)
        await asyncio.wait_for(self.loaded.wait(), 60)

    async def axe(self):
        await self.run(AXE)
        options = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}
        found = await self.run(f"axe.run({json.dumps(options)})")
        if not found["passes"]:
            raise RuntimeError("axe-core looked at nothing")
        return [
            f"{violation['id']}: {node['html'][:200]}"
            for violation in found["violations"]
            for node in violation["nodes"]
        ]

    async def unreached(self):
        """What the Tab key does not reach, from the top of the page on."""
        elements = await self.run(MARK)
        await self.run("document.activeElement && document.activeElement.blur()")
        places = set()
        for _ in range(len(elements) + 2):
            for kind in ("keyDown", "keyUp"):
                await self.call(
                    "Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9
                )
            places.add(await self.run("document.activeElement.dataset.place"))
        return [text for place, text in enumerate(elements) if str(place) not in places]

    async def picture(self, file):
        size = await self.run("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
        clip = {"x": 0, "y": 0, "width": size[0], "height": min(size[1], 6000), "scale": 1}
        shot = await self.call("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(shot["data"]))


async def look(tab, address, width, pictures):
    await tab.open(address, width)
    wide = await tab.run("document.documentElement.scrollWidth")
    if wide > width:
        yield f"is {wide} pixels wide"
    if pictures:
        name = re.sub(r"[^0-9A-Za-z]+", "-", address.split("://", 1)[1].split("/", 1)[1]).strip("-") or "home"
        await tab.picture(pictures / f"{name[:60]}-{width}.png")
    for finding in await tab.axe():
        yield finding
    for element in await tab.unreached():
        yield f"the Tab key does not reach {element}"
    # That a page is answered with an error is what some addresses are for.
    for said in tab.console:
        if not said.startswith("Failed to load resource: the server responded with a status of 4"):
            yield f"console: {said}"


async def main(addresses, pictures):
    with tempfile.TemporaryDirectory() as profile:
        browser = await asyncio.create_subprocess_exec(
            *CHROMIUM,
            f"--user-data-dir={profile}",
            stderr=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
        )
        try:
            while b"DevTools listening on " not in (line := await browser.stderr.readline()):
                if not line:
                    raise RuntimeError("Chromium ended")
            port = re.search(rb"127\.0\.0\.1:(\d+)", line)[1].decode()
            draining = asyncio.create_task(browser.stderr.read())
            return await look_at_all(port, addresses, pictures)
        finally:
            browser.kill()
            await browser.wait()
            draining.cancel()


async def look_at_all(port, addresses, pictures):
    wrong = 0
    async with aiohttp.ClientSession() as session:
        async with session.put(f"http://127.0.0.1:{port}/json/new?about:blank") as answer:
            target = await answer.json()
        async with session.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0) as socket:
            tab = Tab(socket)
            for domain in ("Page", "Log", "Runtime"):
                await tab.call(f"{domain}.enable")
            for address in addresses:
                for width in WIDTHS:
                    async for finding in look(tab, address, width, pictures):
                        print(f"{address} at {width}: {finding}")
                        wrong += 1
            tab.reader.cancel()
    print(f"looked at {len(addresses)} pages, {wrong} findings")
    return wrong


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("addresses", nargs="+")
    folder = os.environ.get("VENTANILLA_PICTURES")
    found = asyncio.run(main(parser.parse_args().addresses, folder and Path(folder)))
    sys.exit(1 if found else 0)
