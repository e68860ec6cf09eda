"""Writes catalog/properties/: which property of a type exists in which of its api-versions, one file a provider.

A part of tools/make-catalog. The source names every path of a type in lower case; here they are a tree, and spelt as
the other tables spell them.
"""
import os
import re

# Said once, for every type: what stands below them is free, or is the same everywhere.
FREE_AT_ROOT = {"tags", "systemdata"}
# Below the third nested `properties` stands another resource's body: it is free from there on.
NESTED_RESOURCES_MAX = 2

STEP = re.compile(r"\.?(@?odata\.type|[^.\[\]{}]+|\[\]|\{\})")
SPELT = ("ro", "wo", "secret", "enums", "scalararrays", "dict", "freeform", "cut")

HEAD = (
    "",
    "In column 1 a type, and its api-versions, oldest first: 240501 is 2024-05-01, 240501p is 2024-05-01-preview, others with their",
    "suffix. Below it its properties, each a blank deeper than what holds it: [] the elements of an array, {} any value of a map;",
    "a * after the name: what stands below it is free, or not known. Then the versions that have it, where they are not those of",
    "what holds it: FIRST-LAST, FIRST- up to the newest, parted by commas. Left out everywhere: the id, name and type of the",
    "resource itself. A type with one version has no lines.",
)


class Node:
    __slots__ = ("children", "ranges", "free")

    def __init__(self):
        self.children, self.ranges, self.free = {}, None, False

    def at(self, steps):
        node = self
        for step in steps:
            node = node.children.setdefault(step, Node())
        return node


def steps_of(path):
    return STEP.findall(path)


def is_nested_resource(steps):
    return steps[1:].count("properties") > NESTED_RESOURCES_MAX


def tree_of(paths_by_range):
    root = Node()
    for ranges, paths in paths_by_range.items():
        for path in paths:
            free = path.endswith("*")
            steps = steps_of(path.rstrip("*"))
            if steps[0] in FREE_AT_ROOT and len(steps) > 1:
                continue
            if is_nested_resource(steps):
                root.at(steps[:-1]).free = True
                continue
            node = root.at(steps)
            if free:
                node.free = True
            if not free or node.ranges is None:
                node.ranges = ranges
    for name in FREE_AT_ROOT & root.children.keys():
        root.children[name].free = True
    return root


class Spelling:
    """Lower-case names as Microsoft writes them: as the type itself does, else as most types do."""

    def __init__(self, types):
        self.of_type, counts = {}, {}
        for entry in types:
            own = self.of_type[entry["type"].lower()] = {}
            paths = [path for flag in SPELT for path in entry.get(flag) or ()]
            for path, fields in (entry.get("objarrays") or {}).items():
                paths += [path, *(".".join((path, field)) for field in fields)]
            for path in paths:
                for name in steps_of(path):
                    own.setdefault(name.lower(), name)
                    spelt = counts.setdefault(name.lower(), {})
                    spelt[name] = spelt.get(name, 0) + 1
        self.common = {low: min(spelt, key=lambda name: (-spelt[name], name)) for low, spelt in counts.items()}

    def __call__(self, type_name, name):
        return self.of_type.get(type_name.lower(), {}).get(name) or self.common.get(name, name)


def ranges_text(ranges, versions):
    parts = []
    for part in ranges.split(","):
        first, dash, last = part.partition("-")
        start = versions[int(first)]
        parts.append(start + "-" if dash and not last else start + "-" + versions[int(last)] if dash else start)
    return ",".join(parts)


def lines_of(node, inherited, versions, spell, depth):
    for name, child in sorted(node.children.items()):
        ranges = child.ranges or inherited
        text = " " * depth + spell(name) + ("*" if child.free else "")
        yield text + (" " + ranges_text(ranges, versions) if ranges != inherited else "")
        yield from lines_of(child, ranges, versions, spell, depth + 1)


def write_properties(types, properties, folder, head, short_version, write):
    """types, properties: the entries of azure-types and azure-props; how many files and lines were written."""
    spelling, providers, count = Spelling(types), {}, 0
    for entry in sorted(properties, key=lambda e: e["type"].lower()):
        versions = [short_version(version) for version in entry["v"]]
        lines = lines_of(tree_of(entry["p"]), "0-", versions, lambda name: spelling(entry["type"], name), 1)
        block = providers.setdefault(entry["type"].split("/")[0].lower(), [])
        block += ["", " ".join((entry["type"], *versions)), *lines]
    os.makedirs(folder, exist_ok=True)
    for name in os.listdir(folder):
        if name.endswith(".properties") and name[:-len(".properties")] not in providers:
            os.remove(os.path.join(folder, name))
    for provider, block in providers.items():
        title = "Which property exists in which api-version: " + provider
        write(os.path.join(folder, provider + ".properties"), head(title, HEAD) + block)
        count += len(block)
    return len(providers), count
