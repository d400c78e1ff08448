"""Checks that the preprocessed header, which comes on standard input, is what simple parsers of other
languages read: flat functions of plain numbers and pointers, and structs of scalars.

With --no-callbacks, function pointers are refused too.
"""
import re
import sys

FORBIDDEN = ["__attribute__", "_Static_assert", "inline", "bool", "size_t", "union", "va_list"]


def own_lines(text):
    """The lines from the first name of the library on: what stdint.h brings is not the header's."""
    start = re.search(r"^typedef enum", text, re.M).start()
    return text[start:]


def complaints(text, no_callbacks):
    own = own_lines(text)
    if re.search(r"^\s*#", text, re.M):
        yield "a line with # is left"
    for word in FORBIDDEN:
        if re.search(rf"\b{re.escape(word)}\b", own):
            yield f"'{word}' is used"
    if "..." in own:
        yield "a function takes any number of arguments"
    structs = re.findall(r"typedef struct \{(.*?)\} (\w+);", own, re.S)
    for body, name in structs:
        for field in body.split(";"):
            if field.strip() and not re.fullmatch(r"\s*(u?int32_t|int64_t|double) \w+\s*", field):
                yield f"{name} has a field that is no scalar: {' '.join(field.split())}"
    names = {name for _, name in structs}
    without_structs = re.sub(r"typedef (struct|enum) \{.*?\} \w+;", "", own, flags=re.S)
    functions = re.findall(r"([\w* ]+?)(sonset_\w+)\s*\(([^()]*)\)\s*;", without_structs)
    if len(functions) < 50:
        yield f"only {len(functions)} functions were found"
    for result, function, parameters in functions:
        if " ".join(result.split()) not in ("int32_t", "void", "const char *"):
            yield f"{function} returns {result.strip()}"
        for parameter in parameters.split(","):
            words = parameter.replace("*", " * ").split()
            if "*" in words or words == ["void"]:
                continue
            if words[0] not in ("int32_t", "int64_t", "uint32_t", "sonset_release_callback"):
                yield f"{function} takes '{' '.join(words)}' by value"
            if words[0] in names:
                yield f"{function} takes a struct by value"
    pointers = re.findall(r"\(\s*\*\s*\w+\s*\)", own)
    if len(pointers) != (0 if no_callbacks else 1):
        yield f"{len(pointers)} function pointers"


def main():
    found = list(complaints(sys.stdin.read(), "--no-callbacks" in sys.argv))
    for complaint in found:
        print(f"header: {complaint}")
    return 1 if found else 0


sys.exit(main())
