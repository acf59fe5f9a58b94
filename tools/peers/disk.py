"""A disk that some target serves, as an initiator sees it: where it is, what it is called, how to log in."""

import dataclasses
import urllib.parse


@dataclasses.dataclass(frozen=True)
class Disk:
    """One LUN of one target at one portal on this machine's loopback."""

    port: int
    iqn: str
    lun: int
    user: str = ""
    secret: str = ""
    mutual_user: str = ""
    mutual_secret: str = ""
    host: str = "127.0.0.1"

    @property
    def portal(self) -> str:
        return f"{self.host}:{self.port}"

    def url(self, secrets: bool = False, **arguments: str) -> str:
        """The URL as libiscsi writes it; `secrets` puts the user and secret in, as only old tools want it."""
        login = f"{self.user}%{self.secret}@" if secrets and self.user else ""
        query = "?" + urllib.parse.urlencode(arguments) if arguments else ""
        return f"iscsi://{login}{self.portal}/{self.iqn}/{self.lun}{query}"
