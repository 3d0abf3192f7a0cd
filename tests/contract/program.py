# SPDX-License-Identifier: BSD-2-Clause
"""
The reader of sources and headers for the programs beside this: which codes each function can return, and
which comment belongs to which function.

The codes are found in the sources as the compiler sees them: what a function returns, through its
variables, the functions that it calls, tables of operations (by the types of the pointers to them), and
functions that are passed to others. Paths are not told apart, so more codes are found than can occur.
"""
import collections
import concurrent.futures
import os
import re
import subprocess
import sys
import tempfile

TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|[A-Za-z_]\w*|\d[\w.]*|->|==|!=|<=|>=|&&|\|\||<<|>>|\S')
CODE = re.compile(r'^IOMMU_E[A-Z_]+$')
KEYWORDS = {'if', 'while', 'for', 'switch', 'return', 'sizeof', '_Static_assert', '__attribute__',
            '__typeof__', '_Alignof', 'else', 'do', 'case', 'goto', '__builtin_expect', '__extension__',
            '__builtin_offsetof'}
# Functions whose status does not count, for programs that look for something else.
ENDS_HERE = set()
DEAD_AFTER = set()
# A value that another function stores.
STORED_BY = '&'
# Functions that return the status that they are given: which argument that is.
HANDS_BACK = {'iommu_refuse': 2, 'iommu_refuse_now': 3, 'iommu_control_end': 2, 'iommu_control_end_for': 3,
              'iommu_log_refusal': 4, 'iommu_file_refuse': 2, 'iommu_file_refuse_object': 2,
              'iommu_file_refuse_now': 3, 'iommu_file_end': 2, 'ioas_because': 1}


def fail(text):
    sys.exit('%s: %s' % (os.path.basename(sys.argv[0]), text))


# --- Reading the sources ---------------------------------------------------------------------------

class Function:
    def __init__(self, unit, name, head, body):
        self.unit, self.name, self.head, self.body = unit, name, head, body
        self.codes = set()
        self.parameters = parameter_list(head)
        self.variables = collections.defaultdict(list)
        self.types = {}
        self.returns = []
        self.from_codes = None
        self.hands_back = None
        self.path = '%s/%s' % (unit[len('src/'):], name)


def matching(tokens, start, opening, closing):
    depth = 0
    for i in range(start, len(tokens)):
        if tokens[i] == opening:
            depth += 1
        elif tokens[i] == closing:
            depth -= 1
            if depth == 0:
                return i
    return len(tokens) - 1


def parameter_list(head):
    """[(name, tokens)] of a function's head."""
    result = []
    end = len(head) - 1
    depth, start = 0, end
    while start > 0:
        depth += (head[start] == ')') - (head[start] == '(')
        if depth == 0:
            break
        start -= 1
    for part in split(head[start + 1:end], ','):
        names = [t for t in part if re.match(r'^[A-Za-z_]\w*$', t)]
        pointer = [part[i + 2] for i in range(len(part) - 2)
                   if part[i] == '(' and part[i + 1] == '*' and re.match(r'^[A-Za-z_]', part[i + 2])]
        if names:
            result.append((pointer[0] if pointer else names[-1], part))
    return result


def split(tokens, separator):
    parts, part, depth = [], [], 0
    for token in tokens:
        depth += (token in '([{') - (token in ')]}')
        if token == separator and depth == 0:
            parts.append(part)
            part = []
        else:
            part.append(token)
    if part:
        parts.append(part)
    return parts


class Program:
    def __init__(self):
        self.functions = {}      # (unit, name); unit '' for those that are not static
        self.structs = {}        # name -> {field: struct that it leads to, or None}
        self.tables = collections.defaultdict(set)  # (struct, field) -> {(unit, name)}
        self.fields = collections.defaultdict(list)  # field -> [(function, expression)]
        self.result_types = {}   # function -> struct that it returns a pointer to

    def find(self, unit, name):
        return self.functions.get((unit, name)) or self.functions.get(('', name))


def struct_of(tokens):
    for i, token in enumerate(tokens[:-1]):
        if token in ('struct', 'union'):
            return tokens[i + 1]
    return None


def read_struct(program, name, tokens):
    fields = program.structs.setdefault(name, {})
    i = 0
    for part in split(tokens, ';'):
        inner = struct_of(part)
        if '{' in part:
            opening = part.index('{')
            closing = matching(part, opening, '{', '}')
            if part[opening - 1] in ('struct', 'union'):
                inner = '%s.%d' % (name, i)
            read_struct(program, inner, part[opening + 1:closing])
            part = part[closing + 1:]
            if not [t for t in part if re.match(r'^[A-Za-z_]', t)]:
                fields.update(program.structs[inner])
        i += 1
        for piece in split(part, ','):
            pointer = re.search(r'\( \* (\w+) \)', ' '.join(piece))
            names = [t for t in piece if re.match(r'^[A-Za-z_]\w*$', t)]
            if pointer:
                fields[pointer.group(1)] = None
            elif names:
                at = piece.index('[') if '[' in piece else len(piece)
                before = [t for t in piece[:at] if re.match(r'^[A-Za-z_]\w*$', t)]
                if before:
                    fields[before[-1]] = inner


def read_initialiser(program, unit, struct, tokens):
    """Which functions stand in which fields of a table, and in fields of what is in it."""
    order = [f for f in program.structs.get(struct, {})]
    for position, part in enumerate(split(tokens, ',')):
        field = order[position] if position < len(order) else None
        if len(part) > 2 and part[0] == '.':
            field = part[1]
            part = part[part.index('=') + 1:] if '=' in part else part
        elif part and part[0] == '[':
            part = part[part.index('=') + 1:] if '=' in part else part
            field = None
        while part and part[0] == '&':
            part = part[1:]
        if part and part[0] == '{':
            inner = program.structs.get(struct, {}).get(field) or struct
            read_initialiser(program, unit, inner, part[1:-1])
        elif len(part) == 1 and re.match(r'^[A-Za-z_]', part[0]):
            program.tables[(struct, field)].add((unit, part[0]))


def read_unit(program, unit, text):
    tokens = TOKEN.findall(text)
    i, start = 0, 0
    while i < len(tokens):
        token = tokens[i]
        if token == ';':
            start = i + 1
        elif token == '{':
            end = matching(tokens, i, '{', '}')
            head = tokens[start:i]
            read_block(program, unit, head, tokens[i + 1:end])
            i = end
            if head and head[-1] == ')' and '=' not in head:
                start = i + 1
        i += 1


def read_block(program, unit, head, body):
    clean = strip_attributes(head)
    if '=' in clean:
        read_initialiser(program, unit, struct_of(clean), body)
    elif clean and clean[-1] == ')':
        name, depth = None, 0
        for at in range(len(clean) - 1, -1, -1):
            depth += (clean[at] == ')') - (clean[at] == '(')
            if depth == 0:
                name = clean[at - 1]
                break
        if name is None or not re.match(r'^[A-Za-z_]\w*$', name):
            return
        key = (unit if 'static' in clean else '', name)
        if key in program.functions:
            return
        program.functions[key] = Function(unit, name, clean, body)
        if '*' in clean[:at] and struct_of(clean[:at]):
            program.result_types[(key[0], name)] = struct_of(clean[:at])
    elif len(clean) >= 2 and clean[-2] in ('struct', 'union'):
        if clean[-1] not in program.structs:
            read_struct(program, clean[-1], body)


def strip_attributes(tokens):
    out, i = [], 0
    while i < len(tokens):
        if tokens[i] in ('__attribute__', '_Alignas'):
            i = matching(tokens, i + 1, '(', ')') + 1
            continue
        out.append(tokens[i])
        i += 1
    return out


# --- What a function's values are ------------------------------------------------------------------

def scan_body(program, function):
    """Assignments to variables and fields, return expressions, and the types of variables."""
    body = strip_attributes(function.body)
    for name, part in function.parameters:
        function.types[name] = struct_of(part)
    i = 0
    while i < len(body):
        token = body[i]
        if token in ('struct', 'union') and i + 2 < len(body):
            j = i + 2
            while j < len(body) and body[j] in ('*', 'const', '(', 'volatile'):
                j += 1
            if j < len(body) and re.match(r'^[A-Za-z_]', body[j]):
                end = j
                while end < len(body) and body[end] not in (';', '{', ')'):
                    end += 1
                for piece in split(body[j:end], ','):
                    names = [t for t in piece if re.match(r'^[A-Za-z_]\w*$', t)]
                    if names:
                        function.types.setdefault(names[0], body[i + 1])
            # A table of functions inside a function.
            k = body.index('{', i) if '{' in body[i:i + 14] else -1
            if k > 0 and '=' in body[i:k] and ';' not in body[i:k]:
                end = matching(body, k, '{', '}')
                read_initialiser(program, function.unit, body[i + 1], body[k + 1:end])
            elif k > 0 and body[k - 1] == ')' and body[k - 2] == body[i + 1]:
                end = matching(body, k, '{', '}')
                read_initialiser(program, function.unit, body[i + 1], body[k + 1:end])
        if token == 'return':
            end = statement_end(body, i + 1)
            function.returns.append(body[i + 1:end])
        if token == '=' and i > 0:
            target = body[i - 1]
            end = assignment_end(body, i + 1)
            expression = body[i + 1:end]
            # while ((status = f()) == CODE): when it ends the status is another one.
            without = set()
            if end + 2 < len(body) and body[end] == ')' and body[end + 1] == '==' and \
                    CODE.match(body[end + 2]):
                without.add(body[end + 2])
            if re.match(r'^[A-Za-z_]\w*$', target):
                if i >= 2 and body[i - 2] in ('.', '->'):
                    program.fields[target].append((function, expression))
                    if len(expression) == 1:
                        note_table_store(program, function, body, i, expression[0])
                elif not is_dead(body, end, target):
                    function.variables[target].append((expression, without))
        if token == '(' and i > 0 and re.match(r'^[A-Za-z_]\w*$', body[i - 1]) and body[i - 1] not in KEYWORDS:
            note_results(function, body, i)
        i += 1


def is_dead(body, at, variable):
    """Does what is assigned go no further than `if (variable != 0) return f(…)`, with f of DEAD_AFTER?"""
    depth = 0  # of blocks that began after the assignment
    while DEAD_AFTER and at + 6 < len(body):
        if body[at] in '{}':
            depth = max(depth + (1 if body[at] == '{' else -1), 0)
        if depth == 0 and body[at:at + 7] == ['if', '(', variable, '!=', '0', ')', 'return'] and \
                DEAD_AFTER & set(body[at:statement_end(body, at + 7)]):
            return True
        at += 1
    return False


def note_results(function, body, at):
    """f(…, &status): what f stores there is one of the variable's values; also where a pointer is handed on."""
    for position, argument in enumerate(split(body[at + 1:matching(body, at, '(', ')')], ',')):
        name = argument[-1] if argument else None
        is_address = len(argument) == 2 and argument[0] == '&'
        is_pointer = len(argument) == 1 and any(name == n and 'int' in part and '*' in part
                                                for n, part in function.parameters)
        if is_address or is_pointer:
            function.variables[name].append(([STORED_BY, body[at - 1], str(position)], set()))


def note_table_store(program, function, body, at, value):
    """x->field = some_function: what can be called through that field."""
    struct = type_of_chain(program, function, chain_before(body, at - 2))
    if struct and program.find(function.unit, value):
        program.tables[(struct, body[at - 1])].add((function.unit, value))


def statement_end(body, i):
    depth = 0
    while i < len(body):
        depth += (body[i] in '([{') - (body[i] in ')]}')
        if body[i] == ';' and depth == 0:
            return i
        i += 1
    return i


def assignment_end(body, i):
    depth = 0
    while i < len(body):
        if depth == 0 and body[i] in (';', ',', ')', '}'):
            return i
        depth += (body[i] in '([{') - (body[i] in ')]}')
        i += 1
    return i


def chain_before(tokens, at):
    """Tokens of the postfix expression that ends before tokens[at], an access operator."""
    i = at - 1
    while i >= 0:
        if tokens[i] in (')', ']'):
            closing = tokens[i]
            depth = 0
            while i >= 0:
                depth += (tokens[i] == closing) - (tokens[i] == {')': '(', ']': '['}[closing])
                if depth == 0:
                    break
                i -= 1
            i -= 1
            if i >= 0 and re.match(r'^[A-Za-z_]\w*$', tokens[i]) and tokens[i] not in KEYWORDS:
                i -= 1
        elif re.match(r'^[A-Za-z_]\w*$', tokens[i]):
            i -= 1
        else:
            break
        if i >= 0 and tokens[i] in ('.', '->'):
            i -= 1
            continue
        break
    return tokens[i + 1:at]


def type_of_chain(program, function, chain):
    """The struct that a postfix expression is of, or points to."""
    struct, i = None, 0
    while i < len(chain):
        token = chain[i]
        if token == '(' and i == 0:
            end = matching(chain, 0, '(', ')')
            inner = chain[1:end]
            while inner and inner[0] in ('&', '*'):
                inner = inner[1:]
            if inner and inner[0] == '(' and struct_of(inner[:matching(inner, 0, '(', ')')]):
                struct = struct_of(inner)
            else:
                struct = type_of_chain(program, function, inner)
            i = end + 1
            continue
        if re.match(r'^[A-Za-z_]\w*$', token):
            if i == 0:
                if i + 1 < len(chain) and chain[i + 1] == '(':
                    struct = program.result_types.get((function.unit, token)) or \
                        program.result_types.get(('', token))
                else:
                    struct = function.types.get(token)
            else:
                struct = program.structs.get(struct, {}).get(token)
        elif token in ('(', '['):
            i = matching(chain, i, token, {'(': ')', '[': ']'}[token])
        i += 1
    return struct


def top_level(tokens, wanted):
    depth = 0
    for i, token in enumerate(tokens):
        if depth == 0 and token in wanted:
            return i
        depth += (token in '([{') - (token in ')]}')
    return -1


def ternary_colon(tokens, question):
    depth, nested = 0, 0
    for i in range(question + 1, len(tokens)):
        token = tokens[i]
        if depth == 0 and token == '?':
            nested += 1
        if depth == 0 and token == ':':
            if nested == 0:
                return i
            nested -= 1
        depth += (token in '([{') - (token in ')]}')
    return len(tokens)


def codes_compared(condition, variable):
    """(codes that `variable` is one of, codes that it is none of) where the condition is true."""
    for separator, operator in (('||', '=='), ('&&', '!=')):
        codes = set()
        for part in split(condition, separator):
            part = [t for t in part if t not in '()']
            if len(part) == 3 and part[0] == variable and part[1] == operator and \
                    (CODE.match(part[2]) or part[2] in ('0', 'IOMMU_OK')):
                codes.add(part[2])
            else:
                codes = None
                break
        if codes:
            return (codes, None) if operator == '==' else (None, codes)
    return None, None


class Found:
    """
    The codes of variables and fields, as far as they are known: variables refer to each other in circles, so
    that all are looked at again, each once in a pass, until a pass finds nothing new.
    """

    def __init__(self):
        self.codes = collections.defaultdict(set)
        self.entered, self.grown = set(), True

    def passes(self):
        while self.grown:
            self.entered, self.grown = set(), False
            yield
        self.grown = True

    def enter(self, key):
        if key in self.entered:
            return False
        self.entered.add(key)
        return True

    def add(self, key, codes):
        if not codes <= self.codes[key]:
            self.codes[key] |= codes
            self.grown = True


def value_of(program, function, tokens, found):
    """The codes that an expression can be."""
    while tokens and tokens[0] == '(' and matching(tokens, 0, '(', ')') == len(tokens) - 1:
        tokens = tokens[1:-1]
    question = top_level(tokens, ('?',))
    if question >= 0:
        colon = ternary_colon(tokens, question)
        condition, yes, no = tokens[:question], tokens[question + 1:colon], tokens[colon + 1:]
        result = set()
        for branch, chosen in ((yes, True), (no, False)):
            codes = value_of(program, function, branch, found)
            if len(branch) == 1:
                one_of, none_of = codes_compared(condition, branch[0])
                if not chosen:
                    one_of, none_of = none_of, one_of
                if one_of is not None:
                    codes = codes & one_of
                if none_of is not None:
                    codes = codes - none_of
            result |= codes
        return result
    if top_level(tokens, ('&&', '||', '==', '!=', '<', '>', '<=', '>=')) >= 0:
        return set()
    # An assignment is worth what is assigned.
    equals = top_level(tokens, ('=',))
    if equals >= 0:
        return value_of(program, function, tokens[equals + 1:], found)
    if len(tokens) == 3 and tokens[0] == STORED_BY:
        return stored_codes(program, function, tokens[1], int(tokens[2]), found)
    if len(tokens) == 1:
        if CODE.match(tokens[0]):
            return {tokens[0]}
        return variable_codes(program, function, tokens[0], found)
    if tokens and tokens[-1] == ')':
        return call_codes(program, function, tokens, found)
    # A field: whatever is stored in one of that name.
    if len(tokens) >= 3 and tokens[-2] in ('.', '->'):
        return field_codes(program, tokens[-1], found)
    return set()


def stored_codes(program, function, name, position, found):
    """What a function that is called stores through its parameter at a position."""
    callee = program.find(function.unit, name)
    if callee is None or position >= len(callee.parameters) or name in ENDS_HERE:
        return set()
    parameter, part = callee.parameters[position]
    if '*' not in part or 'int' not in part:
        return set()
    return variable_codes(program, callee, parameter, found)


def variable_codes(program, function, name, found):
    key = (function.unit, function.name, name)
    if found.enter(key):
        for expression, without in function.variables.get(name, ()):
            found.add(key, value_of(program, function, expression, found) - without)
    return found.codes[key]


def field_codes(program, field, found):
    key = ('field', field)
    if found.enter(key):
        for function, expression in program.fields.get(field, ()):
            found.add(key, value_of(program, function, expression, found))
    return found.codes[key]


def call_codes(program, function, tokens, found):
    depth, at = 0, len(tokens) - 1
    while at >= 0:
        depth += (tokens[at] == ')') - (tokens[at] == '(')
        if depth == 0:
            break
        at -= 1
    arguments = split(tokens[at + 1:-1], ',')
    before = tokens[:at]
    while before and before[0] == '(' and matching(before, 0, '(', ')') < len(before) - 1:
        before = before[matching(before, 0, '(', ')') + 1:]  # a cast
    if not before or not re.match(r'^[A-Za-z_]\w*$', before[-1]):
        return set()
    name = before[-1]
    if name in HANDS_BACK:
        which = HANDS_BACK[name]
        return value_of(program, function, arguments[which], found) if which < len(arguments) else set()
    result = set()
    for callee in callees(program, function, before):
        result |= callee.codes
        for position in handed_back(program, callee):
            if position < len(arguments):
                result |= value_of(program, function, arguments[position], found)
        # What it calls, and gives on, may be what it was handed.
        if callee.from_codes:
            for argument in arguments:
                if len(argument) == 1:
                    handed = program.find(function.unit, argument[0])
                    if handed is not None:
                        result |= handed.codes
    return result


def handed_back(program, function):
    """Which of its arguments a function returns."""
    if function.hands_back is None:
        function.hands_back = set()
        if function.name in ENDS_HERE:
            return function.hands_back
        for expression in function.returns:
            function.hands_back |= positions_in(program, function, expression)
    return function.hands_back


def positions_in(program, function, tokens):
    while tokens and tokens[0] == '(' and matching(tokens, 0, '(', ')') == len(tokens) - 1:
        tokens = tokens[1:-1]
    question = top_level(tokens, ('?',))
    if question >= 0:
        colon = ternary_colon(tokens, question)
        return positions_in(program, function, tokens[question + 1:colon]) | \
            positions_in(program, function, tokens[colon + 1:])
    if len(tokens) == 1:
        return {i for i, (name, part) in enumerate(function.parameters)
                if name == tokens[0] and 'int' in part and '*' not in part}
    if len(tokens) < 3 or tokens[1] != '(' or matching(tokens, 1, '(', ')') != len(tokens) - 1:
        return set()
    arguments = split(tokens[2:-1], ',')
    callee = program.find(function.unit, tokens[0])
    positions = {HANDS_BACK[tokens[0]]} if tokens[0] in HANDS_BACK else \
        handed_back(program, callee) if callee is not None else set()
    result = set()
    for position in positions:
        if position < len(arguments):
            result |= positions_in(program, function, arguments[position])
    return result


def callees(program, function, before):
    name = before[-1]
    if len(before) >= 3 and before[-2] in ('.', '->'):
        struct = type_of_chain(program, function, before[:-2])
        names = program.tables.get((struct, name), set())
        found = [program.find(unit, n) for unit, n in names]
        return [f for f in found if f is not None]
    if name in dict(function.parameters) or name in function.variables:
        # A pointer in a variable: what was assigned to it.
        found = []
        for expression, _ in function.variables.get(name, ()):
            if len(expression) == 1:
                found.append(program.find(function.unit, expression[0]))
            elif len(expression) >= 3 and expression[-2] in ('.', '->'):
                found += callees(program, function, expression)
        return [f for f in found if f is not None]
    callee = program.find(function.unit, name)
    return [callee] if callee is not None else []


def calls_parameter(function):
    names = set(dict(function.parameters))
    body = function.body
    return any(body[i] in names and body[i + 1] == '(' and (i == 0 or body[i - 1] not in ('.', '->'))
               for i in range(len(body) - 1))


def propagate(program):
    for function in program.functions.values():
        scan_body(program, function)
        function.from_codes = calls_parameter(function)
    found = Found()
    for _ in found.passes():
        for function in program.functions.values():
            codes = set()
            for expression in function.returns:
                codes |= value_of(program, function, expression, found)
            for name in (function.name, function.path):
                excepted = program.handled.get(name, set())
                program.excepted[name] |= codes & excepted
                codes -= excepted
            if not codes <= function.codes:
                function.codes |= codes
                found.grown = True


# --- Reading the headers ---------------------------------------------------------------------------

REFERENCE = re.compile(r'\b(?:as|errors? of|errors of all (?:two|three)|of|those of|like|that of|what|see|errors?:)\s+(?:those of\s+)?'
                       r'((?:iommu_[\w.]+(?:,\s+or\s+|,\s+|\s+and\s+|\s+or\s+)?)+)', re.I)


def read_comments(path):
    """{function: (line, text of the comment)}; and the comments of table fields as STRUCT.FIELD."""
    text = open(path, encoding='utf-8').read()
    found, block, depth, i = {}, '', 0, 0
    struct, inner = None, ''
    for match in re.finditer(r'/\*.*?\*/|[{}]|\bstruct\s+(\w+)\s*(?=\{)|IOMMU_API\b[^;]*;'
                             r'|int\s*\(\*(\w+)\)\([^;]*;|^static inline int\s+(\w+)|^#[^\n]*',
                             text, re.S | re.M):
        piece = match.group(0)
        if piece.startswith('/*'):
            clean = re.sub(r'\n\s*\* ?', ' ', piece)
            if depth == 0:
                block = '' if '---' in piece else clean
            else:
                inner = clean
        elif piece == '{':
            # extern "C" is not a block of ours.
            depth += 1
        elif piece == '}':
            depth = max(0, depth - 1)
        elif match.group(1):
            struct = match.group(1)
        elif piece.startswith('IOMMU_API'):
            name = re.search(r'(\w+)\s*\(', piece)
            if name and re.match(r'IOMMU_API\s+int\s', piece):
                line = text.count('\n', 0, match.start()) + 1
                found[name.group(1)] = (line, block)
        elif match.group(2):
            line = text.count('\n', 0, match.start()) + 1
            found['%s.%s' % (struct, match.group(2))] = (line, inner)
        elif match.group(3):
            found[match.group(3)] = (text.count('\n', 0, match.start()) + 1, block)
    return found


def header_names(folder):
    backend = ['backend/' + name for name in os.listdir(os.path.join(folder, 'backend'))]
    return sorted(os.listdir(folder) + backend)


def read_headers(source):
    """{function or STRUCT.FIELD: (header, line, text)} of all public headers."""
    comments = {}
    folder = os.path.join(source, 'include', 'libiommu')
    for name in header_names(folder):
        if name.endswith('.h'):
            for function, (line, text) in read_comments(os.path.join(folder, name)).items():
                comments[function] = (name, line, text)
    return comments


def declared_functions(source, command):
    """All that the headers declare with an int as their result, macros expanded."""
    folder = os.path.join(source, 'include', 'libiommu')
    with tempfile.NamedTemporaryFile('w', suffix='.c') as unit:
        for name in header_names(folder):
            unit.write('#include <libiommu/%s>\n' % name if name.endswith('.h') else '')
        unit.flush()
        return set(re.findall(r'(?<!unsigned )\bint\s+(iommu_\w+)\s*\(', preprocess(command, unit.name)))


def public_functions(program, comments, declared):
    """
    {name: (functions, what its comment belongs to)} of what a caller reaches: functions that are declared,
    whose comment is their own or that of the field of a public table in which they stand; and those fields.
    """
    found = {}
    in_table = {}
    inline = {name: function for (unit, name), function in program.functions.items() if unit}
    for (struct, field), functions in program.tables.items():
        name = '%s.%s' % (struct, field)
        if name in comments:
            members = [program.find(*f) for f in sorted(functions)]
            found[name] = ([m for m in members if m is not None], name)
            in_table.update((m.name, name) for m in found[name][0])
    for name in declared:
        function = program.functions.get(('', name)) or inline.get(name)
        if function is None:
            fail('%s is declared, and not found in the sources' % name)
        found[name] = ([function], name if name in comments else in_table.get(name))
        if found[name][1] is None:
            fail('%s has no comment' % name)
    return found


def known_codes(status_header):
    return set(re.findall(r'\bIOMMU_(E[A-Z_]+)\s*=', open(status_header, encoding='utf-8').read()))


def named_codes(comments, name, known, seen=()):
    if name not in comments or name in seen:
        return set()
    text = comments[name][-1]
    codes = {c for c in re.findall(r'\b(?:IOMMU_)?(E[A-Z_]+)\b', text) if c in known}
    for group in REFERENCE.findall(text):
        for other in re.findall(r'iommu_[\w.]+', group):
            codes |= named_codes(comments, other.rstrip('.'), known, seen + (name,))
    return codes


# --- Exceptions ------------------------------------------------------------------------------------

def read_exceptions(path):
    """
    [FILE/]FUNCTION: CODE...: reason     codes that the function does not return, though it looks so; of any
                                  function, static ones included, so that callers do not get them either
    """
    handled = {}
    for number, line in enumerate(open(path, encoding='utf-8'), 1):
        line = line.split('#')[0].strip()
        if not line:
            continue
        parts = [p.strip() for p in line.split(':', 2)]
        if len(parts) != 3 or not parts[2]:
            fail('%s:%d: not "function: codes: reason"' % (path, number))
        handled.setdefault(parts[0], set()).update('IOMMU_' + c for c in parts[1].split())
    return handled


# --- All together ----------------------------------------------------------------------------------

def preprocess(command, path):
    done = subprocess.run(command + ['-E', '-P', path], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, check=False)
    if done.returncode != 0:
        fail('%s does not preprocess:\n%s' % (path, done.stderr))
    return done.stdout


def read_program(source, command, handled):
    program = Program()
    program.handled = handled
    program.excepted = collections.defaultdict(set)  # what of it was met
    paths = []
    for folder, _, names in os.walk(os.path.join(source, 'src')):
        paths += [os.path.join(folder, n) for n in names if n.endswith('.c')]
    paths.sort()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for path, text in zip(paths, pool.map(lambda p: preprocess(command, p), paths)):
            read_unit(program, os.path.relpath(path, source), text)
    propagate(program)
    return program


def arguments_of_test(usage):
    """(source, command that preprocesses) from SOURCE_DIR INCLUDE_DIR... -- COMPILER..."""
    if '--' not in sys.argv or len(sys.argv) < 4:
        fail('usage: ' + usage)
    at = sys.argv.index('--')
    source, includes, compiler = sys.argv[1], sys.argv[2:at], sys.argv[at + 1:]
    return source, compiler + ['-I' + os.path.join(source, 'src')] + ['-I' + i for i in includes]


def beside(name):
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), name)
