"""A real browser, without a window or a network, for pages that are one file."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.remote.command import Command
from selenium.webdriver.remote.webelement import WebElement

PROGRAMS = ("chromium", "chromedriver")

# In one call: a question to the browser for each of a thousand elements takes seconds.
_VISIBLE = """
const visible = (selector) => [...document.querySelectorAll(selector)].filter((found) => found.checkVisibility());
const text = (found) => (found.innerText ?? found.textContent).trim()
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Browser:
    """One window, which shows one page after the other."""

    driver: Chrome
    folder: Path

    def show(self, html: str) -> None:
        """Load the page from a file, as a person opens it."""
        path = self.folder / "page.html"
        path.write_text(html, "utf-8")
        self.clear_logs()
        self.driver.get(path.as_uri())

    def clear_logs(self) -> None:
        """Forget what earlier pages requested and complained of."""
        self.requests()
        self.complaints()

    def requests(self) -> list[str]:
        """Return the addresses requested since the last call."""
        found = []
        for entry in self._log("performance"):
            message = json.loads(entry)["message"]
            if message["method"] == "Network.requestWillBeSent":
                found.append(str(message["params"]["request"]["url"]))
        return found

    def complaints(self) -> list[str]:
        """Return what the browser reported since the last call: errors of scripts, and what it blocked."""
        return self._log("browser")

    def _log(self, name: str) -> list[str]:
        # `get_log` does this, and is selenium's only method without types.
        entries = self.driver.execute(Command.GET_LOG, {"type": name})["value"]
        return [str(entry["message"]) for entry in entries]

    def run(self, script: str, *arguments: object) -> object:
        """Return what `script` returns."""
        return self.driver.execute_script(script, *arguments)

    def find(self, selector: str) -> list[WebElement]:
        """Return the elements that a person sees."""
        found = self.run(f"{_VISIBLE}; return visible(arguments[0])", selector)
        assert isinstance(found, list)
        return found

    def texts(self, selector: str) -> list[str]:
        """Return the texts of the elements that a person sees."""
        found = self.run(f"{_VISIBLE}; return visible(arguments[0]).map(text)", selector)
        assert isinstance(found, list)
        return found

    def one(self, selector: str) -> WebElement:
        """Return the only such element that a person sees."""
        (found,) = self.find(selector)
        return found

    def prefer(self, *, scheme: str = "light", media: str = "screen") -> None:
        """Show pages as on a bright or dark screen, or as on paper."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": features})


@contextmanager
def started(folder: Path, *, width: int = 1200, height: int = 900) -> Iterator[Browser]:
    """Start a browser that keeps its files in `folder` and finds no host; it is stopped at the end."""
    options = ChromeOptions()
    program, driver = (shutil.which(name) for name in PROGRAMS)
    assert program is not None
    assert driver is not None
    options.binary_location = program
    for argument in (
        "--headless=new",
        "--no-sandbox",  # the tests may run as root, for which Chromium has no sandbox
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--host-resolver-rules=MAP * ~NOTFOUND",
        "--hide-scrollbars",
        "--force-device-scale-factor=1",
        f"--window-size={width},{height}",
        f"--user-data-dir={folder / 'profile'}",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    chrome = Chrome(options=options, service=Service(executable_path=driver))
    try:
        yield Browser(driver=chrome, folder=folder)
    finally:
        chrome.quit()
