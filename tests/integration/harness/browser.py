# SPDX-License-Identifier: Apache-2.0
"""A headless Chromium that a test drives, with a profile of its own; it must not reach beyond this machine."""
import os
import shutil
import tempfile
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from . import PATIENCE, await_condition

CHROMIUM, DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"
# No name resolves, so that nothing is looked for elsewhere; addresses stay as they are.
ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
             "--force-device-scale-factor=1", "--no-proxy-server", "--disable-background-networking", "--no-first-run",
             "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost"]
DESKTOP, PHONE = (1280, 900), (390, 844)


class Browser:
    """`driver` is selenium's, for whatever is not here. close() ends the processes that it started."""

    def __init__(self):
        self.profile = tempfile.mkdtemp(prefix="tmf-browser-", dir=os.environ.get("TMF_TMP"))
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        for argument in [*ARGUMENTS, f"--user-data-dir={self.profile}"]:
            options.add_argument(argument)
        options.ignore_local_proxy_environment_variables()
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(service=Service(DRIVER), options=options)
        self.driver.set_page_load_timeout(PATIENCE)
        self.driver.set_script_timeout(PATIENCE)
        self.resize(*DESKTOP)

    def close(self):
        self.driver.quit()
        shutil.rmtree(self.profile, ignore_errors=True)

    def resize(self, width, height):
        """The viewport, in CSS pixels; below what a window can be, too."""
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                                    {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})

    def prefer(self, scheme):
        """scheme: light or dark."""
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia",
                                    {"features": [{"name": "prefers-color-scheme", "value": scheme}]})

    def open(self, url):
        """Returns when the page and what it refers to are loaded."""
        self.driver.get(url)

    def run(self, script, *arguments):
        """What the script returns; it works without a page's Content-Security-Policy."""
        return self.driver.execute_script(script, *arguments)

    def all(self, selector):
        """The elements that this CSS selector finds now."""
        return self.driver.find_elements("css selector", selector)

    def find(self, selector, text=""):
        """Waits for the first visible element of this CSS selector with this text in it."""
        def visible():
            return self.run("return [...document.querySelectorAll(arguments[0])].find("
                            "e => e.checkVisibility() && e.textContent.includes(arguments[1]))", selector, text)
        return await_condition(visible, f"{selector} with {text!r}")

    def click(self, selector, text=""):
        """As a user's click, once something that can be clicked is there: it fails when something else covers it."""
        element = self.find(selector, text)
        self.run("arguments[0].scrollIntoView({block: 'center'})", element)
        element.click()

    def type(self, selector, text):
        """Replaces what a field holds."""
        field = self.find(selector)
        field.clear()
        field.send_keys(text)

    def text(self, selector="body"):
        """What a reader sees of it."""
        return self.find(selector).text

    def complaints(self):
        """What Chromium's console says since the last call: errors of scripts, what a policy forbade, what did not load."""
        return [line["message"] for line in self.driver.get_log("browser") if line["level"] in ("WARNING", "SEVERE")]

    def screenshot(self, path, whole=True):
        """A PNG of the viewport's width; whole: of the whole page's height."""
        width = self.run("return innerWidth")
        height = self.run("return document.documentElement.scrollHeight") if whole else self.run("return innerHeight")
        before = self.run("return innerHeight")
        self.resize(width, height)
        Path(path).write_bytes(self.driver.get_screenshot_as_png())
        self.resize(width, before)
