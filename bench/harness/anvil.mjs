// A chain of its own for one world: anvil with the clock in our hands and one block per transaction.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';

const START_LIMIT_MS = 20_000;
const CALL_LIMIT_MS = 60_000;
/** Far above any transaction here: exits give strategies fixed allowances of gas and refuse to start with less. */
const GAS_LIMIT = '0x1c9c380';

/** Time of the first block; everything else counts from here. */
export const GENESIS_AT = 1_800_000_000;

async function freePort() {
  const server = net.createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export class Chain {
  #process;
  #url;
  #id = 0;

  /** Unix time of the latest block. */
  now = GENESIS_AT;

  /** @param isTraced Whether every instruction is kept, for a profile. */
  static async start(root, isTraced = false) {
    const chain = new Chain();
    const packaged = path.join(root, 'node_modules', '.bin', 'anvil');
    const port = await freePort();
    chain.#url = `http://127.0.0.1:${port}`;
    chain.#process = spawn(
      fs.existsSync(packaged) ? packaged : 'anvil',
      ['--silent', '--port', `${port}`, '--hardfork', 'prague', '--no-mining', '--order', 'fifo', '--timestamp', `${GENESIS_AT}`,
       // Left to itself it keeps old states in the person's home, and leaves them there when it is killed.
       '--max-persisted-states', '0', '--gas-limit', '200000000', '--block-base-fee-per-gas', '0', '--gas-price', '0', ...(isTraced ? ['--steps-tracing'] : [])],
      { stdio: 'ignore' },
    );
    let ended;
    chain.#process.on('error', (error) => { ended = error.message; });
    chain.#process.on('exit', (code) => { ended ??= `it ended with ${code}`; });
    for (const started = Date.now(); ;) {
      if (ended !== undefined) throw new Error(`anvil did not start: ${ended}`);
      try {
        await chain.rpc('eth_chainId');
        return chain;
      } catch (error) {
        if (Date.now() - started > START_LIMIT_MS) {
          chain.stop();
          throw new Error(`anvil does not answer after ${START_LIMIT_MS / 1000} s: ${error.message}`);
        }
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  }

  stop() {
    this.#process.kill('SIGKILL');
  }

  async rpc(method, ...params) {
    this.#id += 1;
    const answer = await fetch(this.#url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: this.#id, method, params }),
      signal: AbortSignal.timeout(CALL_LIMIT_MS),
    });
    const { result, error } = await answer.json();
    if (error !== undefined) {
      throw Object.assign(new Error(`${method}: ${error.message}`), { data: error.data });
    }
    return result;
  }

  async keccak(bytes) {
    return this.rpc('web3_sha3', `0x${Buffer.from(bytes).toString('hex')}`);
  }

  /** Sets the time of the next block. */
  warp(at) {
    if (at <= this.now) throw new Error(`time runs forward: the chain is at ${this.now}, ${at} was asked`);
    this.now = at - 1;
  }

  /** Sends a transaction, mines it alone in its block and returns the receipt; a revert is an error with its data. */
  async transact({ from, to, data, what = 'transaction' }) {
    const hash = await this.rpc('eth_sendTransaction', { from, to, data, gas: GAS_LIMIT, gasPrice: '0x0' });
    this.now += 1;
    await this.rpc('evm_setNextBlockTimestamp', this.now);
    await this.rpc('evm_mine');
    const receipt = await this.#receipt(hash, what);
    if (receipt.status !== '0x1') {
      const trace = await this.rpc('debug_traceTransaction', hash, { tracer: 'callTracer' });
      throw Object.assign(new Error(`${what} reverted`), { data: trace.output ?? '0x' });
    }
    const block = await this.rpc('eth_getBlockByNumber', receipt.blockNumber, false);
    if (block.transactions.length !== 1 || Number(block.timestamp) !== this.now) {
      throw new Error(`${what} was not mined alone at ${this.now}`);
    }
    return { ...receipt, gas: Number(receipt.gasUsed) };
  }

  async call({ from, to, data }) {
    return this.rpc('eth_call', { from, to, data, gas: GAS_LIMIT }, 'latest');
  }

  /** Runs `work` on the present state and takes everything back. */
  async isolated(work) {
    const { now } = this;
    const snapshot = await this.rpc('evm_snapshot');
    try {
      return await work();
    } finally {
      if ((await this.rpc('evm_revert', snapshot)) !== true) throw new Error('anvil did not take the state back');
      this.now = now;
    }
  }

  async #receipt(hash, what) {
    for (let i = 0; i < 100; i += 1) {
      const receipt = await this.rpc('eth_getTransactionReceipt', hash);
      if (receipt !== null) return receipt;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    throw new Error(`${what} was not mined`);
  }
}
