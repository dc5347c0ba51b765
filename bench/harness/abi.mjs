// Calls by the ABI of forge's artifacts. Structs are given as objects by member name, so that a member that appears,
// leaves or moves is either followed or named in the error.
import fs from 'node:fs';
import path from 'node:path';

const WORD = 64;

function word(value) {
  const number = BigInt(value);
  if (number < 0n || number >> 256n !== 0n) throw new Error(`${value} does not fit a word`);
  return number.toString(16).padStart(WORD, '0');
}

function arrayBase({ type, ...rest }) {
  return type.endsWith('[]') ? { ...rest, type: type.slice(0, -2) } : undefined;
}

function isDynamic(parameter) {
  if (arrayBase(parameter) !== undefined || parameter.type === 'bytes' || parameter.type === 'string') return true;
  return parameter.type === 'tuple' && parameter.components.some(isDynamic);
}

function encodeBytes(hex) {
  const padded = hex.padEnd(Math.ceil(hex.length / WORD) * WORD, '0');
  return word(hex.length / 2) + padded;
}

function encodeOne(parameter, value) {
  const base = arrayBase(parameter);
  if (base !== undefined) return word(value.length) + encodeAll(value.map(() => base), value);
  switch (parameter.type) {
    case 'tuple': {
      const names = parameter.components.map(({ name }) => name);
      const unknown = Object.keys(value).filter((name) => !names.includes(name));
      if (unknown.length > 0) throw new Error(`${parameter.internalType} has no member ${unknown.join(', ')}`);
      return encodeAll(parameter.components, names.map((name) => {
        if (value[name] === undefined) throw new Error(`${parameter.internalType}.${name} is not given`);
        return value[name];
      }));
    }
    case 'bytes':
      return encodeBytes(value.slice(2));
    case 'string':
      return encodeBytes(Buffer.from(value).toString('hex'));
    case 'bool':
      return word(value ? 1 : 0);
    default:
      if (/^bytes\d+$/.test(parameter.type)) return value.slice(2).padEnd(WORD, '0');
      if (/^(uint\d+|address)$/.test(parameter.type)) return word(value);
      throw new Error(`the bench does not encode ${parameter.type}`);
  }
}

function encodeAll(parameters, values) {
  if (parameters.length !== values.length) throw new Error(`${parameters.length} values expected, ${values.length} given`);
  const parts = parameters.map((parameter, i) => [isDynamic(parameter), encodeOne(parameter, values[i])]);
  let offset = parts.reduce((sum, [dynamic, text]) => sum + (dynamic ? 32 : text.length / 2), 0);
  let head = '';
  let tail = '';
  for (const [dynamic, text] of parts) {
    head += dynamic ? word(offset) : text;
    if (!dynamic) continue;
    tail += text;
    offset += text.length / 2;
  }
  return head + tail;
}

function decodeStatic(parameters, reader) {
  return parameters.map((parameter) => {
    if (parameter.type === 'tuple') {
      const values = decodeStatic(parameter.components, reader);
      return Object.fromEntries(parameter.components.map(({ name }, i) => [name, values[i]]));
    }
    if (isDynamic(parameter)) throw new Error(`the bench does not decode ${parameter.type}`);
    return reader();
  });
}

function typeOf({ type, components }) {
  return components === undefined ? type : `(${components.map(typeOf).join(',')})${type.slice('tuple'.length)}`;
}

export function signatureOf({ name, inputs }) {
  return `${name}(${inputs.map(typeOf).join(',')})`;
}

/** One contract of forge's build. */
export class Artifact {
  constructor(out, name) {
    const file = path.join(out, `${name}.sol`, `${name}.json`);
    if (!fs.existsSync(file)) throw new Error(`${file} does not exist; run \`make bench-gas\`, which builds it`);
    const { abi, bytecode, deployedBytecode, methodIdentifiers } = JSON.parse(fs.readFileSync(file, 'utf8'));
    Object.assign(this, { name, abi, bytecode, deployedBytecode, methodIdentifiers });
  }

  /** Bytes of code on the chain. */
  get size() {
    return (this.deployedBytecode.object.length - 2) / 2;
  }

  /** Creation code, libraries linked; `addressOf` gives the address of a library by name. */
  async code(addressOf) {
    let code = this.bytecode.object.slice(2);
    for (const libraries of Object.values(this.bytecode.linkReferences ?? {})) {
      for (const [library, places] of Object.entries(libraries)) {
        const address = (await addressOf(library)).slice(2);
        for (const { start } of places) code = code.slice(0, start * 2) + address + code.slice(start * 2 + 40);
      }
    }
    return `0x${code}`;
  }

  encodeConstructor(values) {
    return encodeAll(this.abi.find(({ type }) => type === 'constructor')?.inputs ?? [], values);
  }

  #function(name) {
    const matches = this.abi.filter((entry) => entry.type === 'function' && [entry.name, signatureOf(entry)].includes(name));
    if (matches.length !== 1) throw new Error(`${this.name} has ${matches.length} functions ${name}; expected one`);
    return matches[0];
  }

  has(name) {
    return this.abi.some((entry) => entry.type === 'function' && entry.name === name);
  }

  /** @param name Name, or the whole signature where it is overloaded. */
  encode(name, values) {
    const entry = this.#function(name);
    return `0x${this.methodIdentifiers[signatureOf(entry)]}${encodeAll(entry.inputs, values)}`;
  }

  /** Answers of static types only; numbers as bigint. */
  decode(name, data) {
    const { outputs } = this.#function(name);
    let at = 2;
    const values = decodeStatic(outputs, () => BigInt(`0x${data.slice(at, (at += WORD))}`));
    return values.length === 1 ? values[0] : values;
  }
}
