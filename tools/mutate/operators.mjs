// What a mutant changes: walks a syntax tree and yields replacements of stretches of text, each with the place around it
// that can be had in two texts at once, one of which is chosen while it runs: a statement, a condition, a block of
// assembly, the first value of a loop, a modifier. A change without such a place is not offered.

const COMPARISONS = { '<': ['<=', '>='], '<=': ['<', '>'], '>': ['>=', '<='], '>=': ['>', '<'], '==': ['!='], '!=': ['=='] };
const ARITHMETIC = { '+': ['-'], '-': ['+'], '*': ['/'], '/': ['*'], '%': ['/'], '<<': ['>>'], '>>': ['<<'], '&': ['|'], '|': ['&'] };
const LOGIC = { '&&': ['||'], '||': ['&&'] };
const ASSIGNMENTS = { '+=': ['-=', '='], '-=': ['+='], '|=': ['&='], '&=': ['|='], '>>=': ['<<='], '<<=': ['>>='] };
const NAMES = {
  min: 'max', max: 'min', Ceil: 'Floor', Floor: 'Ceil', saturatingAdd: 'saturatingSub', saturatingSub: 'saturatingAdd',
  Active: 'ExitOnly', ExitOnly: 'WrittenOff', WrittenOff: 'Active', Paused: 'ExitOnly',
};
const YUL = { gt: 'lt', lt: 'gt', and: 'or', or: 'and', add: 'sub', sub: 'add', iszero: 'not', shl: 'shr', shr: 'shl' };
/** Swapping the first two arguments of these changes nothing. */
const COMMUTATIVE = new Set(['min', 'max', 'mulDiv', 'mul512', 'mulmod', 'saturatingAdd', 'mulDivDown', 'mulDivUp', 'mulDivSaturating']);

/**
 * @param {object} tree Syntax tree of one file.
 * @param {Buffer} source Its text; positions in the tree count bytes.
 * @param {Map<number, object>} constants Constants of numbers by their identity, of all files.
 * @returns {{operator: string, where: string, start: number, end: number, before: string, after: string, site: object}[]}
 */
export function changesIn(tree, source, constants) {
  const found = [];
  const scope = { contract: '', member: '', site: undefined, body: 0 };
  const names = new Set();
  collectNames(tree, names);

  const range = (node) => {
    const [start, length] = node.src.split(':').map(Number);
    return [start, start + length];
  };
  const text = (start, end) => source.subarray(start, end).toString('utf8');
  const of = (node) => text(...range(node));
  const add = (operator, start, end, after) => {
    const before = text(start, end);
    const where = [scope.contract, scope.member].filter(Boolean).join('.');
    if (before !== after && scope.site) found.push({ operator, where, start, end, before, after, site: scope.site });
  };
  /** Replaces an operator that stands between two places. */
  const between = (kind, operator, start, end, table) => {
    for (const other of table[operator] ?? []) {
      const at = start + Buffer.from(text(start, end)).indexOf(operator);
      if (at >= start) add(kind, at, at + operator.length, other);
    }
  };
  const rename = (kind, node, from, to) => {
    const [start, end] = range(node);
    if (text(end - from.length, end) === from) add(kind, end - from.length, end, to);
    return start;
  };

  const visitors = {
    BinaryOperation(node) {
      const start = range(node.leftExpression)[1];
      const end = range(node.rightExpression)[0];
      between('comparison', node.operator, start, end, COMPARISONS);
      between('arithmetic', node.operator, start, end, ARITHMETIC);
      between('logic', node.operator, start, end, LOGIC);
    },
    Assignment(node) {
      between('arithmetic', node.operator, range(node.leftHandSide)[1], range(node.rightHandSide)[0], ASSIGNMENTS);
    },
    UnaryOperation(node) {
      const [start, end] = range(node);
      if (node.operator === '!') add('logic', start, end, of(node.subExpression));
      if (node.operator === '~') add('arithmetic', start, end, of(node.subExpression));
      if (node.operator === '++' || node.operator === '--') {
        add('arithmetic', start, end, of(node).replace(node.operator, node.operator === '++' ? '--' : '++'));
      }
    },
    IfStatement(node) {
      const [start, end] = range(node.condition);
      add('check', start, end, 'false');
      add('check', start, end, 'true');
    },
    Conditional(node) {
      const [start, end] = range(node);
      add('order', start, end, `${of(node.condition)} ? ${of(node.falseExpression)} : ${of(node.trueExpression)}`);
    },
    ExpressionStatement(node) {
      removeStatement(node, node.expression.kind === 'functionCall' ? 'check' : 'statement');
    },
    EmitStatement(node) {
      removeStatement(node, 'statement');
    },
    Return(node) {
      removeStatement(node, 'return');
      if (!node.expression) return;
      const [start, end] = range(node.expression);
      const type = node.expression.typeDescriptions?.typeString ?? '';
      if (type === 'bool') add('return', start, end, `!(${of(node.expression)})`);
      else if (/^uint\d+$/.test(type)) add('return', start, end, '0');
    },
    Continue(node) {
      removeStatement(node, 'return');
    },
    Break(node) {
      removeStatement(node, 'return');
    },
    ModifierInvocation(node) {
      if (node.kind !== 'modifierInvocation') return;
      const [start, end] = range(node);
      scope.site = { kind: 'modifier', start, end, body: scope.body, modifier: node.modifierName.referencedDeclaration };
      add('modifier', start, end, '');
    },
    Literal(node) {
      if (node.kind === 'bool') {
        add('constant', ...range(node), node.value === 'true' ? 'false' : 'true');
        return;
      }
      if (node.kind !== 'number' || node.value.startsWith('0x')) return;
      const [start, end] = range(node);
      add('constant', start, end, `(${of(node)} + 1)`);
      if (!/^0+$/.test(node.value)) add('constant', start, end, `(${of(node)} - 1)`);
    },
    MemberAccess(node) {
      if (NAMES[node.memberName]) rename(kindOf(node.memberName), node, node.memberName, NAMES[node.memberName]);
      twin(node, node.memberName);
    },
    Identifier(node) {
      if (NAMES[node.name]) rename(kindOf(node.name), node, node.name, NAMES[node.name]);
      twin(node, node.name);
      // A constant is changed where it is used: where it is declared there is nothing that runs.
      if (constants.has(node.referencedDeclaration)) {
        add('constant', ...range(node), `(${of(node)} + 1)`);
        add('constant', ...range(node), `(${of(node)} - 1)`);
      }
    },
    FunctionCall(node) {
      if (node.kind !== 'functionCall' || node.names?.length) return;
      const callee = node.expression.memberName ?? node.expression.name ?? '';
      const swaps = [];
      if (node.arguments.length >= 2 && !COMMUTATIVE.has(callee)) swaps.push([0, 1]);
      if (node.arguments.length >= 3) swaps.push([1, 2]);
      for (const [i, j] of swaps) {
        const [first, second] = [node.arguments[i], node.arguments[j]];
        const same = first.typeDescriptions?.typeString === second.typeDescriptions?.typeString;
        if (!same || of(first) === of(second)) continue;
        const [start, middle] = range(first);
        const [next, end] = range(second);
        add('order', start, end, `${of(second)}${text(middle, next)}${of(first)}`);
      }
      // A quotient rounded the other way.
      if (callee === 'mulDiv' && node.arguments.length === 3) {
        const end = range(node)[1];
        add('rounding', end - 1, end, ', Math.Rounding.Ceil)');
      }
    },
    YulFunctionCall(node) {
      const name = node.functionName?.name;
      if (YUL[name]) add('arithmetic', ...range(node.functionName), YUL[name]);
    },
    YulLiteral(node) {
      if (node.kind === 'number') add('constant', ...range(node), `${Number(node.value) + 1}`);
    },
    YulExpressionStatement(node) {
      add('statement', ...range(node), '');
    },
  };

  function kindOf(name) {
    if (name === 'min' || name === 'max') return 'min or max';
    return name === 'Ceil' || name === 'Floor' ? 'rounding' : 'constant';
  }

  /** `…Up` and `…Down` of the same library, and other pairs that stand beside each other. */
  function twin(node, name) {
    for (const [from, to] of [['Up', 'Down'], ['Down', 'Up']]) {
      const other = name.endsWith(from) ? name.slice(0, -from.length) + to : '';
      if (other && names.has(other)) rename('rounding', node, name, other);
    }
  }

  function removeStatement(node, kind) {
    const [start, end] = range(node);
    const tail = source[end] === 0x3b ? end + 1 : end; // with its semicolon
    add(kind, start, tail, '{}');
  }

  /** The place around a node that can be had in two texts, or undefined where there is none. */
  function siteOf(node, parent, key) {
    const [start, end] = range(node);
    const whole = source[end] === 0x3b ? end + 1 : end; // with its semicolon
    if (parent?.nodeType === 'ForStatement' && key === 'loopExpression') return undefined;
    if (parent?.nodeType === 'ForStatement' && key === 'initializationExpression') {
      const [first, last] = node.initialValue ? range(node.initialValue) : [0, 0];
      const isNumber = node.declarations?.[0]?.typeDescriptions.typeString === 'uint256';
      return isNumber ? { kind: 'start of a loop', start: first, end: last } : undefined;
    }
    if (key === 'condition' && parent.nodeType !== 'Conditional') return { kind: 'condition', start, end };
    switch (node.nodeType) {
      case 'VariableDeclarationStatement': {
        if (!node.initialValue) return undefined;
        const declarations = node.declarations.map((declared) => declared && { text: of(declared), name: declared.name });
        return { kind: 'declaration', start, end: whole, declarations, value: range(node.initialValue)[0] };
      }
      case 'ExpressionStatement':
      case 'EmitStatement':
      case 'RevertStatement':
      case 'Return':
      case 'Continue':
      case 'Break':
        return { kind: 'statement', start, end: whole };
      case 'InlineAssembly':
        return { kind: 'statement', start, end };
      default:
        return undefined;
    }
  }

  function visit(node, parent, key) {
    if (!node || typeof node !== 'object') return;
    if (Array.isArray(node)) return node.forEach((child) => visit(child, parent, key));
    if (!node.nodeType) return;
    const outer = { ...scope };
    if (node.nodeType === 'ContractDefinition') {
      scope.contract = node.name;
      scope.body = source.indexOf('{', range(node)[0]) + 1;
    }
    if (node.nodeType === 'FunctionDefinition') scope.member = node.name || node.kind;
    if (node.nodeType === 'ModifierDefinition') scope.member = node.name;
    scope.site ??= siteOf(node, parent, key);
    if (node.nodeType === 'IfStatement') scope.site = siteOf(node.condition, node, 'condition');
    visitors[node.nodeType]?.(node);
    if (node.nodeType === 'IfStatement' || node.nodeType === 'ModifierInvocation') scope.site = undefined;
    for (const [name, child] of Object.entries(node)) {
      if (['typeDescriptions', 'documentation', 'typeName', 'externalReferences'].includes(name)) continue;
      if (node.nodeType === 'VariableDeclaration' && node.stateVariable) continue;
      if (child && typeof child === 'object') visit(child, node, name);
    }
    Object.assign(scope, outer);
  }
  visit(tree.nodes.filter((node) => node.nodeType === 'ContractDefinition'));
  return found;
}

function collectNames(node, names) {
  if (!node || typeof node !== 'object') return;
  if (Array.isArray(node)) return node.forEach((child) => collectNames(child, names));
  if (node.nodeType === 'FunctionDefinition') names.add(node.name);
  for (const key of ['memberName', 'name']) if (typeof node[key] === 'string') names.add(node[key]);
  for (const child of Object.values(node)) if (child && typeof child === 'object') collectNames(child, names);
}
