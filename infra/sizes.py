"""Shows how large the built functions are, and fails where Lambda's start, or Lambda itself, would suffer."""

import io
import os
import re
import sys
import zipfile

FUNCTIONS = ["event-ingestion", "quality-assessment", "readiness-check", "data-preparation"]
# Lambda fetches and unpacks the zip before every first start of an instance.
MOST_ZIPPED = {"event-ingestion": 8_000_000, "data-preparation": 12_000_000}
# Of the runtime that template.yaml names, provided.al2023. A program that wants a newer one does not start.
GLIBC = (2, 34)


def zipped(program):
    """Bytes of the program in a zip, as it is deployed."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.write(program, "bootstrap")
    return packed.tell()


def glibc(program):
    """The newest version of the C library that the program's symbols ask for."""
    with open(program, "rb") as file:
        versions = re.findall(rb"\0GLIBC_(\d+)\.(\d+)", file.read())
    return max(((int(major), int(minor)) for major, minor in versions), default=(0, 0))


def main():
    wrong = []
    for function in FUNCTIONS:
        program = os.path.join("target", "lambda", function, "bootstrap")
        size, packed, wanted = os.path.getsize(program), zipped(program), glibc(program)
        print(f"{function:20} {size / 1e6:6.1f} MB, zipped {packed / 1e6:5.1f} MB, glibc {wanted[0]}.{wanted[1]}")
        if packed > MOST_ZIPPED.get(function, packed):
            wrong.append(f"the zip of {function} has {packed} bytes; at most {MOST_ZIPPED[function]} are meant to be")
        if wanted > GLIBC:
            wrong.append(f"{function} asks for glibc {wanted[0]}.{wanted[1]}, and Lambda has {GLIBC[0]}.{GLIBC[1]}: "
                         "build with cargo-lambda's own compiler (without --compiler cargo)")
    sys.exit("\n".join(wrong) or 0)


if __name__ == "__main__":
    main()
