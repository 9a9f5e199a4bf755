// Finds every module that a source file names: import, export from, import(), import types, require.
import { parseSync } from 'vite';

/**
 * @typedef {object} Import
 * @property {string | null} name the module as written; null when it is computed
 * @property {number} line from 1
 */

/**
 * A node of the syntax tree, with what the kinds below have of it.
 * @typedef {object} AstNode
 * @property {string} type
 * @property {number} start
 * @property {AstNode | null} [source]
 * @property {AstNode | null} [argument]
 * @property {AstNode | null} [expression]
 * @property {AstNode} [callee]
 * @property {AstNode[]} [arguments]
 * @property {string} [name]
 * @property {unknown} [value]
 */

/**
 * Throws when the file cannot be parsed.
 * @param {string} file its name decides the language
 * @param {string} code
 * @returns {Import[]}
 */
export function findImports(file, code) {
  const parsed = parseSync(file, code);
  const error = parsed.errors[0];
  if (error) throw new Error(`${file}: ${error.message}`);
  /** @type {Import[]} */
  const found = [];
  visit(parsed.program, (node) => {
    const source = moduleNamedBy(node);
    if (source === undefined) return;
    const name = source !== null && source.type === 'Literal' && typeof source.value === 'string' ? source.value : null;
    found.push({ name, line: code.slice(0, node.start).split('\n').length });
  });
  return found;
}

/**
 * The node that names a module, null when something else names it, undefined when `node` imports nothing.
 * @param {AstNode} node
 * @returns {AstNode | null | undefined}
 */
function moduleNamedBy(node) {
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportAllDeclaration':
    case 'ImportExpression':
      return node.source;
    case 'ExportNamedDeclaration':
      return node.source ?? undefined;
    case 'TSImportType':
      return node.source ?? node.argument ?? null;
    case 'TSExternalModuleReference':
      return node.expression;
    case 'CallExpression':
      return node.callee?.type === 'Identifier' && node.callee.name === 'require' ? (node.arguments?.[0] ?? null) : undefined;
    default:
      return undefined;
  }
}

/**
 * @param {unknown} node
 * @param {(node: AstNode) => void} visitor
 */
function visit(node, visitor) {
  if (Array.isArray(node)) {
    for (const child of node) visit(child, visitor);
  } else if (typeof node === 'object' && node !== null) {
    if ('type' in node) visitor(/** @type {AstNode} */ (node));
    for (const child of Object.values(node)) visit(child, visitor);
  }
}
