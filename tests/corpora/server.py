"""A small web server: files, in parts where asked, and what Zenodo and the hub say."""

import contextlib
import dataclasses
import hashlib
import http.server
import json
import threading
from urllib.parse import quote


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        site = self.server.site
        site.requests.append((self.path, self.headers.get("Range")))
        if self.path not in site.files:
            return self.send_error(404)
        content = site.files[self.path]
        begin = 0
        if site.gives_parts and "Range" in self.headers:
            begin = int(self.headers["Range"].removeprefix("bytes=").rstrip("-"))
            self.send_response(206)
            self.send_header(
                "Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}"
            )
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(content) - begin))
        self.send_header("ETag", hashlib.sha1(content).hexdigest())
        self.send_header("X-Repo-Commit", "0" * 40)
        self.end_headers()
        if self.command == "GET":
            # a connection that breaks off sends less than it promised
            self.wfile.write(content[begin : begin + site.bytes_per_connection])
            self.close_connection = True

    do_HEAD = do_GET

    def log_message(self, *args):
        pass


class Site:
    """What the server has: `files`, bytes by path, and how it behaves."""

    def __init__(self, address):
        self.address = address
        self.files = {}
        self.requests = []
        self.gives_parts = True
        self.bytes_per_connection = 1 << 30

    def add_zenodo(self, record, **contents):
        """Add a record of Zenodo with these files; return the records' address."""
        files = []
        for name, content in contents.items():
            path = f"/api/records/{record}/files/{name}/content"
            self.files[path] = content
            files.append(
                dict(
                    key=name,
                    size=len(content),
                    checksum=f"md5:{hashlib.md5(content).hexdigest()}",
                    links=dict(self=self.address + path),
                )
            )
        self.files[f"/api/records/{record}"] = json.dumps(dict(files=files)).encode()
        return f"{self.address}/api/records"

    def add_github(self, source, **contents):
        """Add the files of a repository at the source's commit; return the source."""
        tree = [dict(type="tree", path=source.folder, sha="0" * 40)]
        for path, content in sorted(contents.items()):
            address = f"/raw/{source.repository}/{source.commit}/{quote(path)}"
            self.files[address] = content
            sha = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
            entry = dict(type="blob", path=path, size=len(content), sha=sha)
            tree.append(entry)
        url = f"/api/repos/{source.repository}/git/trees/{source.commit}?recursive=1"
        self.files[url] = json.dumps(dict(tree=tree, truncated=False)).encode()
        return dataclasses.replace(
            source, api=f"{self.address}/api", raw=f"{self.address}/raw"
        )

    def add_dataset(self, name, **contents):
        """Add a dataset of the Hugging Face hub; return the hub's address."""
        sha = "0" * 40
        tree = []
        for file, content in contents.items():
            self.files[f"/datasets/{name}/resolve/{sha}/{file}"] = content
            oid = hashlib.sha1(content).hexdigest()
            tree.append(dict(type="file", path=file, size=len(content), oid=oid))
        api = f"/api/datasets/{name}"
        siblings = [dict(rfilename=file) for file in contents]
        info = dict(id=name, sha=sha, siblings=siblings)
        self.files[f"{api}/revision/main"] = json.dumps(info).encode()
        tree = json.dumps(tree).encode()
        self.files[f"{api}/tree/{sha}?recursive=true&expand=false"] = tree
        return self.address


@contextlib.contextmanager
def serve():
    """Run a server; yield its `Site`."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.site = Site(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
