"""A Syncthing on loopback that knows its partners and nobody else."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import xml.etree.ElementTree as xml

FOLDER = "jay"
START_S = 30
CALL_S = 10
LINES_OF_A_LOG = 50

# Nothing is looked for, announced, reported or fetched outside this machine.
OPTIONS = {
    "globalAnnounceEnabled": "false",
    "localAnnounceEnabled": "false",
    "relaysEnabled": "false",
    "natEnabled": "false",
    "urAccepted": "-1",
    "autoUpgradeIntervalH": "0",
    "crashReportingEnabled": "false",
    "startBrowser": "false",
    "setLowPriority": "false",
    "reconnectionIntervalS": "1",
    "minHomeDiskFree": "0",
}


def wait_until(holds, limit_s, message):
    """Asks until it holds; ends the run with the message where it does not within the limit."""
    until = time.monotonic() + limit_s
    while not holds():
        if time.monotonic() > until:
            sys.exit(f"error: {message} (within {limit_s} s)")
        time.sleep(0.2)


def free_ports(carriers):
    """All of them at once: a port that was let go could be given out twice."""
    held = [socket.socket() for _ in range(2 * len(carriers))]
    try:
        for one in held:
            one.bind(("127.0.0.1", 0))
        ports = [one.getsockname()[1] for one in held]
    finally:
        for one in held:
            one.close()
    for number, carrier in enumerate(carriers):
        carrier.port, carrier.rest_port = ports[2 * number : 2 * number + 2]


class Syncthing:
    """One instance: its home, the folder that it carries, its process while it runs."""

    def __init__(self, home, folder):
        self.home = home
        self.folder = folder
        self.log = home.with_suffix(".log")
        self.key = secrets.token_hex(16)
        self.process = None
        self.port = self.rest_port = None
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(home), "STNOUPGRADE": "1"}
        subprocess.run(
            ["syncthing", "generate", "--home", home, "--no-default-folder", "--skip-port-probing"],
            env=self.environment,
            check=True,
            capture_output=True,
            timeout=START_S,
        )
        self.config = home / "config.xml"
        self.device = xml.parse(self.config).getroot().find("device").get("id")

    def configure(self, everybody):
        """Writes the settings: the partners by address, and the folder."""
        tree = xml.parse(self.config)
        root = tree.getroot()
        for element in root.findall("device") + root.findall("folder"):
            root.remove(element)
        root.find("gui/address").text = f"127.0.0.1:{self.rest_port}"
        root.find("gui/apikey").text = self.key
        options = root.find("options")
        options.find("listenAddress").text = f"tcp://127.0.0.1:{self.port}"
        for name, value in OPTIONS.items():
            options.find(name).text = value
        folder = xml.SubElement(
            root,
            "folder",
            id=FOLDER,
            label=FOLDER,
            path=str(self.folder),
            type="sendreceive",
            rescanIntervalS="5",
            fsWatcherEnabled="true",
            fsWatcherDelayS="1",
        )
        xml.SubElement(folder, "minDiskFree", unit="%").text = "0"
        for one in everybody:
            xml.SubElement(folder, "device", id=one.device)
            device = xml.SubElement(root, "device", id=one.device, name=one.home.name)
            xml.SubElement(device, "address").text = f"tcp://127.0.0.1:{one.port}"
        tree.write(self.config)

    def call(self, method, path):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.rest_port}/rest/{path}", method=method, headers={"X-API-Key": self.key}
        )
        with urllib.request.urlopen(request, timeout=CALL_S) as answer:
            return json.loads(answer.read() or b"null")

    def answers(self):
        if self.process.poll() is not None:
            sys.exit(f"error: {self.home.name} ended with {self.process.returncode}")
        try:
            return self.call("GET", "system/ping") == {"ping": "pong"}
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def start(self):
        with self.log.open("ab") as log:
            # A group of its own: it starts a second process, which ends with it.
            self.process = subprocess.Popen(
                ["syncthing", "serve", "--home", self.home, "--no-browser", "--no-restart", "--no-upgrade"],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        wait_until(self.answers, START_S, f"{self.home.name} does not answer")

    def kill(self):
        """Ends it at once, with whatever it was doing."""
        if self.process is None:
            return
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait(timeout=START_S)
        self.process = None

    def pause(self):
        """Takes it off the network: it goes on watching its folder."""
        self.call("POST", "system/pause")

    def resume(self):
        self.call("POST", "system/resume")

    def last_lines(self):
        if not self.log.exists():
            return f"--- {self.home.name}: no log"
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-LINES_OF_A_LOG:]
        return "\n".join([f"--- {self.home.name}", *lines])
