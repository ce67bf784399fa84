import json

from dlatlas.site.node_tools import FOLDER


def test_the_lock_file_pins_everything_and_names_no_registry() -> None:
    package = json.loads((FOLDER / "package.json").read_text("utf-8"))
    wanted = package["dependencies"] | package["devDependencies"]
    lock = json.loads((FOLDER / "package-lock.json").read_text("utf-8"))["packages"]
    assert {name: lock[f"node_modules/{name}"]["version"] for name in wanted} == wanted
    assert all("resolved" not in package for package in lock.values())
    assert all(package.get("integrity") or package.get("optional") for name, package in lock.items() if name)
