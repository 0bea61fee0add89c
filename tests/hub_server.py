"""A protocol stand-in for the Hugging Face Hub, standard library only.

It speaks as much of the Hub's protocol as `huggingface_hub` uses to publish and to download, so
that the real client can be exercised without a network. It is not the Hub: no git, no accounts.

In a test:

    with HubServer(tmp_path / "hub") as hub:
        sha = hub.commit("me/set", {"README.md": b"text", "model.safetensors": b"..."})
        hf_hub_download("me/set", "README.md", endpoint=hub.endpoint, cache_dir=...)
        HfApi(endpoint=hub.endpoint, token="any").create_commit(...)   # the stand-in takes it
        hub.files("me/set")        # {path: bytes} of the newest commit of main
        hub.log                    # every request, in order
        hub.fail(stage="get", path="*.safetensors", cut=1000)          # a fault, from now on
        hub.heal()                                                     # and no more

Datasets and Spaces: the same with repo_type="dataset" or "space". A process of its own gets the
address by HF_ENDPOINT=hub.endpoint; set HF_HUB_DISABLE_XET=1 there, or call without_xet() here
(the stand-in has no Xet storage; only uploads ask for it).

Every commit is a snapshot with a sha of its own; revisions are branches, tags and full shas. Files
with a binary's ending or over 10 MB are LFS files, as on the Hub: their bytes come from another
host name (localhost instead of 127.0.0.1), as from the Hub's CDN, without the token.

By hand: `python tests/hub_server.py FOLDER` serves FOLDER/{models,datasets,spaces}/ORG/NAME.
"""

import base64
import hashlib
import json
import re
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

LFS_ENDINGS = (".safetensors", ".onnx", ".bin", ".npz", ".npy", ".parquet", ".pt", ".pth", ".zip")
LFS_ENDINGS += (".tar", ".gz", ".png", ".jpg", ".jpeg", ".webp")
LFS_FROM_BYTES = 10_000_000
KINDS = {"model": "models", "dataset": "datasets", "space": "spaces"}
LOG_SECONDS = 1.0
STAGES = ("info", "tree", "head", "get", "create", "validate", "preupload", "lfs", "upload")
STAGES += ("commit",)
ERROR_CODES = {401: "RepoNotFound", 403: "GatedRepo", 404: "RepoNotFound"}


@dataclass(frozen=True)
class Request:
    """One request that arrived. `status` is 0 where the answer never came."""

    method: str
    path: str
    """With the query, as sent."""
    stage: str
    """One of STAGES, or "other"."""
    file: str
    """The file within its repository, for "head" and "get"; else empty."""
    range: str
    token: str
    """What the Authorization header held after "Bearer", or nothing."""
    status: int


@dataclass
class Fault:
    """What goes wrong with the requests of one stage. One of the fields after `times` is set."""

    stage: str
    path: str = "*"
    """Pattern of the file within the repository; only "head" and "get" have one."""
    times: int | None = None
    """How often; None is until heal()."""
    delay: float = 0
    """Seconds before the answer."""
    never: bool = False
    """The connection stays open and silent."""
    status: int = 0
    """Answer with this error: 401, 403, 404, 429, 500 ..."""
    error_code: str | None = None
    """With `status`: the X-Error-Code; by default the Hub's usual one."""
    retry_after: int | None = None
    """With status 429: seconds in the Retry-After header."""
    cut: int | None = None
    """The connection breaks after so many bytes of the body."""
    trickle: float | None = None
    """Bytes of the body a second."""
    corrupt: bool = False
    """Every 97th byte of the body is another one; the length is right."""
    length: int | None = None
    """A Content-Length (and X-Linked-Size) that is not the file's."""
    endless: bool = False
    """A chunked body of zeros that never ends."""


@dataclass
class Repository:
    """Commits and the names that point at them."""

    commits: dict[str, dict[str, "Blob"]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)
    sdk: str | None = None
    private: bool = False
    variables: dict[str, str] = field(default_factory=dict)
    """Environment variables of a Space."""

    def resolve(self, revision: str) -> str | None:
        """The sha of a branch, tag or sha; None for an unknown one."""
        if revision in self.commits:
            return revision
        return self.refs.get(revision) or self.tags.get(revision)

    def add(self, files: dict[str, "Blob"], branch: str, message: str) -> str:
        """A commit on a branch; returns its sha."""
        parent = self.refs.get(branch, "")
        listing = sorted((path, blob.sha256) for path, blob in files.items())
        sha = hashlib.sha1(json.dumps([parent, message, listing]).encode()).hexdigest()
        self.commits[sha] = files
        self.refs[branch] = sha
        self.messages.append(message)
        return sha


@dataclass(frozen=True)
class Blob:
    """A file's content, kept below the server's folder under its SHA-256."""

    sha256: str
    size: int
    lfs: bool
    oid: str
    """Git's: of the content, or of the LFS pointer."""

    @property
    def etag(self) -> str:
        return self.sha256 if self.lfs else self.oid


class HubServer:
    """The stand-in, running on a free port between `with` and its end."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        self.folder = Path(folder)
        (self.folder / "blobs").mkdir(parents=True, exist_ok=True)
        self.repositories: dict[tuple[str, str], Repository] = {}
        self.answered: list[Request] = []
        self.answering = 0
        self.faults: list[Fault] = []
        self.token: str | None = None
        """The only valid token, when set: writing needs it, and reading private repositories."""
        self.page_size = 1000
        """Entries of one answer of the tree listing."""
        self.stopped = threading.Event()
        self.lock = threading.RLock()
        handler = type("Handler", (_Handler,), {"hub": self})
        self._server = _Server(("127.0.0.1", port), handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.endpoint = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> "HubServer":
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stopped.set()
        self._server.shutdown()
        self._server.server_close()

    def commit(
        self,
        repo_id: str,
        files: Mapping[str, bytes | Path],
        repo_type: str = "model",
        branch: str = "main",
        message: str = "A commit",
        keep: bool = True,
    ) -> str:
        """Put files into a repository, which is made if need be; returns the commit's sha.
        `keep=False` drops all other files."""
        repository = self.repositories.setdefault((KINDS[repo_type], repo_id), Repository())
        old = repository.commits.get(repository.refs.get(branch, ""), {}) if keep else {}
        new = {
            path: self.store(content if isinstance(content, bytes) else content.read_bytes(), path)
            for path, content in files.items()
        }
        return repository.add({**old, **new}, branch, message)

    def commit_folder(self, repo_id: str, folder: Path, **options: Any) -> str:
        """`commit` with all files below a folder."""
        paths = sorted(path for path in Path(folder).rglob("*") if path.is_file())
        files = {path.relative_to(folder).as_posix(): path for path in paths}
        return self.commit(repo_id, files, **options)

    def repository(self, repo_id: str, repo_type: str = "model") -> Repository:
        """Its commits, refs and messages. Raises KeyError."""
        return self.repositories[KINDS[repo_type], repo_id]

    def files(
        self, repo_id: str, repo_type: str = "model", revision: str = "main"
    ) -> dict[str, bytes]:
        """What a revision holds, by path."""
        repository = self.repository(repo_id, repo_type)
        listing = repository.commits[repository.resolve(revision) or ""]
        return {path: self.content(blob) for path, blob in listing.items()}

    def fail(self, stage: str, **fault: Any) -> Fault:
        """Make requests of a stage fail from now on (see Fault)."""
        assert stage in STAGES, stage
        self.faults.append(Fault(stage, **fault))
        return self.faults[-1]

    def heal(self) -> None:
        """No more faults."""
        self.faults.clear()

    def clear_log(self) -> None:
        """Forget the requests so far."""
        self.log.clear()

    @property
    def log(self) -> list[Request]:
        """Every request, in order. A client may have all of an answer a moment before the request
        is noted here, so this waits for those that are being answered, if it is not for long."""
        deadline = time.monotonic() + LOG_SECONDS
        while self.answering and time.monotonic() < deadline:
            time.sleep(0.005)
        return self.answered

    def store(self, content: bytes, path: str) -> Blob:
        """Keep a content; `path` decides whether it is an LFS file."""
        sha256 = hashlib.sha256(content).hexdigest()
        (self.folder / "blobs" / sha256).write_bytes(content)
        return self.blob(sha256, path)

    def blob(self, sha256: str, path: str, lfs: bool | None = None) -> Blob:
        """The record of a stored content. Raises FileNotFoundError."""
        content = (self.folder / "blobs" / sha256).read_bytes()
        if lfs is None:
            lfs = is_lfs(path, len(content))
        if lfs:
            text = "version https://git-lfs.github.com/spec/v1\n"
            named = f"{text}oid sha256:{sha256}\nsize {len(content)}\n".encode()
        else:
            named = content
        oid = hashlib.sha1(b"blob %d\0" % len(named) + named).hexdigest()
        return Blob(sha256, len(content), lfs, oid)

    def content(self, blob: Blob) -> bytes:
        return (self.folder / "blobs" / blob.sha256).read_bytes()

    def fault(self, stage: str, path: str) -> Fault | None:
        """The first fault for this request, which is used up by one."""
        with self.lock:
            for fault in self.faults:
                if fault.stage == stage and fnmatch(path, fault.path) and fault.times != 0:
                    if fault.times is not None:
                        fault.times -= 1
                    return fault
        return None


def is_lfs(path: str, size: int) -> bool:
    """Whether the Hub would keep a file in LFS."""
    return size >= LFS_FROM_BYTES or path.lower().endswith(LFS_ENDINGS)


def without_xet() -> None:
    """Make the client of this process upload by LFS, whatever its environment said at import."""
    from huggingface_hub import constants

    constants.HF_HUB_DISABLE_XET = True


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no error; anything else is."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Stop(Exception):
    """The answer has been sent."""


class _Handler(BaseHTTPRequestHandler):
    hub: HubServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *arguments: object) -> None:
        pass

    def do_GET(self) -> None:
        self._answer()

    do_HEAD = do_POST = do_PUT = do_DELETE = do_GET

    # One request --------------------------------------------------------------------------------

    def _answer(self) -> None:
        self.stage, self.file, self.status = "other", "", 0
        self.fault: Fault | None = None
        url = urlsplit(self.path)
        self.query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        authorization = self.headers.get("Authorization", "")
        self.token = authorization.removeprefix("Bearer ").strip()
        with self.hub.lock:
            self.hub.answering += 1
        try:
            self.body = self._read_body()
            self._route(url.path)
        except _Stop:
            pass
        except (BrokenPipeError, ConnectionError):
            self.close_connection = True
        finally:
            range_ = self.headers.get("Range", "")
            request = Request(
                self.command, self.path, self.stage, self.file, range_, self.token, self.status
            )
            with self.hub.lock:
                self.hub.answered.append(request)
                self.hub.answering -= 1

    def _read_body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _route(self, path: str) -> None:
        for methods, pattern, name in ROUTES:
            match = re.fullmatch(pattern, path)
            if match and self.command in methods:
                getattr(self, name)(**{k: unquote(v or "") for k, v in match.groupdict().items()})
        self._error(404, "NotFound", f"The stand-in has no route {self.command} {path}.")

    def _begin(self, stage: str, file: str = "") -> None:
        """Name the request's stage, and do what a fault says that comes before the answer."""
        self.stage, self.file = stage, file
        self.fault = fault = self.hub.fault(stage, file)
        if fault is None:
            return
        if fault.never:
            self.hub.stopped.wait()
            self.close_connection = True
            raise _Stop
        self.hub.stopped.wait(fault.delay)
        if fault.status:
            headers = {"Retry-After": str(fault.retry_after)} if fault.retry_after else {}
            code = fault.error_code or ERROR_CODES.get(fault.status, "")
            self._error(fault.status, code, f"A fault on demand: {fault.status}.", headers)

    # Answers ------------------------------------------------------------------------------------

    def _send(
        self, status: int, content: bytes, headers: Mapping[str, str], length: int | None = None
    ) -> None:
        self.status = status
        fault = self.fault or Fault("")
        self.send_response(status)
        if fault.endless:
            headers = {**headers, "Transfer-Encoding": "chunked"}
        else:
            length = fault.length if fault.length is not None else length
            length = len(content) if length is None else length
            headers = {**headers, "Content-Length": str(length)}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self._send_body(content, fault)
        raise _Stop

    def _send_body(self, content: bytes, fault: Fault) -> None:
        if fault.corrupt:
            changed = bytearray(content)
            changed[::97] = bytes(byte ^ 0x55 for byte in changed[::97])
            content = bytes(changed)
        if fault.endless:
            block = bytes(1 << 16)
            while not self.hub.stopped.is_set():
                self.wfile.write(b"%x\r\n" % len(block) + block + b"\r\n")
        elif fault.trickle is not None:
            step = max(1, int(fault.trickle / 20))
            for start in range(0, len(content), step):
                self.wfile.write(content[start : start + step])
                self.wfile.flush()
                if self.hub.stopped.wait(step / fault.trickle):
                    break
        else:
            self.wfile.write(content[: fault.cut])
        if fault.cut is not None or fault.length is not None:
            self.wfile.flush()
            self.close_connection = True

    def _json(self, values: Any, status: int = 200, headers: Mapping[str, str] | None = None):
        content = json.dumps(values).encode()
        self._send(status, content, {"Content-Type": "application/json", **(headers or {})})

    def _error(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        self.fault = None  # only one fault a request
        named = {"X-Error-Code": code, "X-Error-Message": message}
        named = {name: value for name, value in named.items() if value}
        self._json({"error": message}, status, {**named, **(headers or {})})

    # Repositories -------------------------------------------------------------------------------

    def _open(self, kind: str, repo: str, revision: str = "main") -> tuple[Repository, str]:
        """A repository that this request may read, and the sha of a revision."""
        found = self.hub.repositories.get((kind, repo))
        wrong_token = self.hub.token is not None and self.token not in ("", self.hub.token)
        if wrong_token:
            self._error(401, "", "Invalid credentials in Authorization header")
        if found is None or (found.private and self.token != (self.hub.token or self.token)):
            self._error(401 if not self.token else 404, "RepoNotFound", "Repository not found")
        sha = found.resolve(revision)
        if sha is None:
            if revision == "main" and not found.commits:  # a repository that was just created
                return found, ""
            self._error(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return found, sha

    def _may_write(self) -> None:
        if not self.token:
            self._error(401, "", "Writing needs a token.")
        if self.hub.token is not None and self.token != self.hub.token:
            self._error(401, "", "Invalid credentials in Authorization header")

    def _values(self) -> dict[str, Any]:
        if self.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded"):
            return dict(parse_qs(self.body.decode()))
        return json.loads(self.body or b"{}")

    # Reading ------------------------------------------------------------------------------------

    def resolve(self, kind: str, repo: str, revision: str, file: str) -> None:
        """HEAD and GET of a file: its metadata, its bytes or where an LFS file's bytes are."""
        repository, sha = self._open(kind or "models", repo, revision)
        blob = repository.commits.get(sha, {}).get(file)
        if self.command == "HEAD" or blob is None or not blob.lfs:
            self._begin("head" if self.command == "HEAD" else "get", file)
        if blob is None:
            self._error(404, "EntryNotFound", "Entry not found", {"X-Repo-Commit": sha})
        headers = {"X-Repo-Commit": sha, "Accept-Ranges": "bytes"}
        if not blob.lfs:
            self._content(blob, {**headers, "ETag": f'"{blob.oid}"'})
        size = blob.size if self.fault is None or self.fault.length is None else self.fault.length
        headers |= {"X-Linked-Size": str(size), "X-Linked-Etag": f'"{blob.sha256}"'}
        headers["Location"] = f"http://localhost:{self.hub.port}/cdn/{blob.sha256}/{file}"
        self.fault = None  # the length is in X-Linked-Size; a redirect has its own
        self._send(302, b"", headers)

    def cdn(self, sha256: str, file: str) -> None:
        """GET of an LFS file's bytes."""
        self._begin("get", file)
        blob = self.hub.blob(sha256, file, lfs=True)
        self._content(blob, {"ETag": f'"{sha256}"', "Accept-Ranges": "bytes"})

    def _content(self, blob: Blob, headers: dict[str, str]) -> None:
        content = self.hub.content(blob)
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        headers["Content-Type"] = "application/octet-stream"
        if not wanted:
            self._send(200, content, headers, len(content))
        start, end = int(wanted[1]), int(wanted[2] or len(content) - 1)
        if start >= len(content):
            self._send(416, b"", {"Content-Range": f"bytes */{len(content)}"})
        headers["Content-Range"] = f"bytes {start}-{end}/{len(content)}"
        self._send(206, content[start : end + 1], headers)

    def info(self, kind: str, repo: str, revision: str = "main") -> None:
        """What a repository is, at a revision."""
        self._begin("info")
        repository, sha = self._open(kind, repo, revision or "main")
        files = repository.commits.get(sha, {})
        siblings = [
            {"rfilename": path, "size": b.size, "blobId": b.oid} for path, b in files.items()
        ]
        moment = "2026-01-01T00:00:00.000Z"
        known = {"_id": sha[:24], "id": repo, "sha": sha, "private": repository.private}
        known |= {"siblings": siblings, "tags": [], "downloads": 0, "likes": 0, "gated": False}
        known |= {"lastModified": moment, "createdAt": moment, "disabled": False}
        self._json(known | ({"sdk": repository.sdk} if repository.sdk else {}))

    def tree(self, kind: str, repo: str, revision: str, folder: str) -> None:
        """The files of a revision, page by page."""
        self._begin("tree")
        repository, sha = self._open(kind, repo, revision)
        entries = self._entries(repository.commits.get(sha, {}), folder)
        if self.query.get("recursive", "false").lower() not in ("true", "1"):
            depth = len(folder.split("/")) if folder else 0
            entries = [one for one in entries if one["path"].count("/") == depth]
        if folder and not entries:
            self._error(404, "EntryNotFound", f"{folder} does not exist")
        start = int(self.query.get("cursor", 0))
        size = self.hub.page_size
        headers = {}
        if start + size < len(entries):
            recursive = self.query.get("recursive", "false")
            path = f"{urlsplit(self.path).path}?recursive={recursive}&cursor={start + size}"
            headers["Link"] = f'<{self.hub.endpoint}{path}>; rel="next"'
        self._json(entries[start : start + size], headers=headers)

    def _entries(self, files: Mapping[str, Blob], folder: str = "") -> list[dict[str, Any]]:
        inside = {p: b for p, b in files.items() if not folder or p.startswith(f"{folder}/")}
        parents = {"/".join(p.split("/")[:n]) for p in inside for n in range(1, p.count("/") + 1)}
        entries: list[dict[str, Any]] = []
        for path in sorted(parents - {"/".join(folder.split("/")[: n + 1]) for n in range(9)}):
            oid = hashlib.sha1(path.encode()).hexdigest()
            entries.append({"type": "directory", "oid": oid, "size": 0, "path": path})
        for path, blob in sorted(inside.items()):
            entry = {"type": "file", "oid": blob.oid, "size": blob.size, "path": path}
            if blob.lfs:
                entry["lfs"] = {"oid": blob.sha256, "size": blob.size, "pointerSize": 134}
            entries.append(entry)
        return entries

    def paths_info(self, kind: str, repo: str, revision: str) -> None:
        """What is known of some files."""
        self._begin("tree")
        repository, sha = self._open(kind, repo, revision)
        wanted = self._values().get("paths", [])
        entries = self._entries(repository.commits.get(sha, {}))
        self._json([one for one in entries if one["path"] in wanted])

    def refs(self, kind: str, repo: str) -> None:
        """Branches and tags."""
        repository, _ = self._open(kind, repo)
        branches, tags = (
            [
                {"name": n, "ref": f"refs/{sort}/{n}", "targetCommit": sha}
                for n, sha in names.items()
            ]
            for sort, names in (("heads", repository.refs), ("tags", repository.tags))
        )
        self._json({"branches": branches, "tags": tags, "converts": [], "pullRequests": []})

    def whoami(self) -> None:
        """Who a token belongs to."""
        self._may_write()
        self._json({"type": "user", "id": "1", "name": "me", "orgs": [], "isPro": False})

    # Writing ------------------------------------------------------------------------------------

    def create(self) -> None:
        """Make a repository."""
        self._begin("create")
        self._may_write()
        asked = self._values()
        kind = KINDS[asked.get("type") or "model"]
        repo = f"{asked.get('organization') or 'me'}/{asked['name']}"
        prefix = "" if kind == "models" else f"{kind}/"
        url = f"{self.hub.endpoint}/{prefix}{repo}"
        if (kind, repo) in self.hub.repositories:
            message = "You already created this repo"
            self._json({"error": message, "url": url}, 409)
        private = asked.get("visibility") == "private" or bool(asked.get("private"))
        made = Repository(sdk=asked.get("sdk"), private=private)
        self.hub.repositories[kind, repo] = made
        self._json({"url": url, "name": repo, "id": repo})

    def validate_yaml(self) -> None:
        """Whether a README's front matter is there and closed (the Hub checks its values too)."""
        self._begin("validate")
        content = self._values()["content"]
        if not content.startswith("---\n"):
            warning = {"message": "empty or missing yaml metadata in repo card"}
            self._json({"errors": [], "warnings": [warning]})
        if "\n---\n" not in content[4:]:
            self._json({"errors": [{"message": "front matter is not closed"}], "warnings": []}, 400)
        self._json({"errors": [], "warnings": []})

    def preupload(self, kind: str, repo: str, revision: str) -> None:
        """Which files go to LFS."""
        self._begin("preupload")
        self._may_write()
        repository, sha = self._open(kind, repo, revision)
        present = repository.commits.get(sha, {})
        files = []
        for one in self._values()["files"]:
            path = one["path"]
            mode = "lfs" if is_lfs(path, one["size"]) else "regular"
            oid = present[path].etag if path in present else None
            files.append({"path": path, "uploadMode": mode, "shouldIgnore": False, "oid": oid})
        self._json({"files": files, "commitOid": sha})

    def lfs_batch(self, kind: str, repo: str) -> None:
        """Where to put the LFS files that are not there yet."""
        self._begin("lfs")
        self._may_write()
        self._open(kind or "models", repo)
        objects = []
        for one in self._values()["objects"]:
            if not (self.hub.folder / "blobs" / one["oid"]).exists():
                href = f"{self.hub.endpoint}/lfs/{one['oid']}"
                one = {**one, "actions": {"upload": {"href": href}}}
            objects.append(one)
        self._json({"transfer": "basic", "objects": objects})

    def upload(self, sha256: str) -> None:
        """PUT of an LFS file."""
        self._begin("upload")
        if hashlib.sha256(self.body).hexdigest() != sha256:
            self._error(400, "", "The content is not what its name says.")
        self.hub.store(self.body, ".bin")
        self._send(200, b"", {})

    def commit(self, kind: str, repo: str, revision: str) -> None:
        """A commit, as lines of JSON."""
        self._begin("commit")
        self._may_write()
        with self.hub.lock:
            repository, sha = self._open(kind, repo, revision)
            files = dict(repository.commits.get(sha, {}))
            message = ""
            for line in self.body.splitlines():
                entry = json.loads(line)
                key, value = entry["key"], entry["value"]
                path = value.get("path", "")
                if key == "header":
                    message = value["summary"]
                    if value.get("parentCommit", sha) != sha:
                        self._error(412, "", "A commit has happened since.")
                elif key == "file":
                    files[path] = self.hub.store(base64.b64decode(value["content"]), path)
                elif key == "lfsFile":
                    if not (self.hub.folder / "blobs" / value["oid"]).exists():
                        self._error(400, "", f"The LFS file {path} was not uploaded.")
                    files[path] = self.hub.blob(value["oid"], path, lfs=True)
                elif key == "deletedFile":
                    if files.pop(path, None) is None:
                        self._error(404, "EntryNotFound", "A file with this name doesn't exist")
                elif key == "deletedFolder":
                    start = path.rstrip("/") + "/"
                    files = {p: blob for p, blob in files.items() if not p.startswith(start)}
            new = repository.add(files, revision, message)
        url = f"{self.hub.endpoint}/{repo}/commit/{new}"
        self._json({"success": True, "commitOid": new, "commitUrl": url, "hookOutput": ""})

    def variable(self, repo: str) -> None:
        """Set an environment variable of a Space."""
        self._may_write()
        repository, _ = self._open("spaces", repo)
        asked = self._values()
        repository.variables[asked["key"]] = asked["value"]
        self._json({key: {"value": value} for key, value in repository.variables.items()})

    def branch(self, kind: str, repo: str, name: str) -> None:
        """Make a branch."""
        self._may_write()
        start = self._values().get("startingPoint", "main")
        repository, sha = self._open(kind, repo, start)
        repository.refs[name] = sha
        self._json({})

    def tag(self, kind: str, repo: str, revision: str) -> None:
        """Name a commit."""
        self._may_write()
        repository, sha = self._open(kind, repo, revision)
        repository.tags[self._values()["tag"]] = sha
        self._json({})


_KIND = r"(?P<kind>models|datasets|spaces)"
_REPO = r"(?P<repo>[\w.-]+/[\w.-]+)"
_API = f"/api/{_KIND}/{_REPO}"
_PREFIX = r"/(?:(?P<kind>datasets|spaces)/)?" + _REPO
_REVISION = r"(?P<revision>[^/]+)"
# First match wins.
ROUTES: list[tuple[tuple[str, ...], str, str]] = [
    (("HEAD", "GET"), rf"{_PREFIX}/resolve/{_REVISION}/(?P<file>.+)", "resolve"),
    (("GET",), r"/cdn/(?P<sha256>[0-9a-f]{64})/(?P<file>.+)", "cdn"),
    (("GET",), f"{_API}/revision/{_REVISION}", "info"),
    (("GET",), rf"{_API}/tree/{_REVISION}(?:/(?P<folder>.+))?", "tree"),
    (("GET",), f"{_API}/refs", "refs"),
    (("GET",), _API, "info"),
    (("GET",), "/api/whoami-v2", "whoami"),
    (("POST",), f"{_API}/paths-info/{_REVISION}", "paths_info"),
    (("POST",), "/api/repos/create", "create"),
    (("POST",), "/api/validate-yaml", "validate_yaml"),
    (("POST",), f"{_API}/preupload/{_REVISION}", "preupload"),
    (("POST",), rf"{_PREFIX}\.git/info/lfs/objects/batch", "lfs_batch"),
    (("PUT",), r"/lfs/(?P<sha256>[0-9a-f]{64})", "upload"),
    (("POST",), f"{_API}/commit/{_REVISION}", "commit"),
    (("POST",), f"/api/spaces/{_REPO}/variables", "variable"),
    (("POST",), f"{_API}/branch/(?P<name>[^/]+)", "branch"),
    (("POST",), f"{_API}/tag/{_REVISION}", "tag"),
]


def main() -> None:
    """Serve the repositories of a folder until interrupted."""
    folder = Path(sys.argv[1])
    with HubServer(folder / ".stand-in") as hub:
        for repo_type, kind in KINDS.items():
            for repository in sorted((folder / kind).glob("*/*")):
                name = f"{repository.parent.name}/{repository.name}"
                print(kind, name, hub.commit_folder(name, repository, repo_type=repo_type))
        print(f"HF_ENDPOINT={hub.endpoint} HF_HUB_DISABLE_XET=1", flush=True)
        while True:
            time.sleep(3600)


if __name__ == "__main__":
    main()
