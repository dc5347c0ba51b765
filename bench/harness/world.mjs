// One treasury at work, and beside it the bare contracts that do the same and check nothing.
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { Artifact, signatureOf } from './abi.mjs';
import { Chain, GENESIS_AT } from './anvil.mjs';

export const ROOT = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', '..');

const UNIT = 10n ** 18n;
export const DEPOSIT = 1_000_000n * UNIT;
/** What a rebalance withdraws in all, and deposits again: 1 % of assets. */
export const MOVED = 10_000n * UNIT;
/** What a user deposits or withdraws. */
export const USER_AMOUNT = 1_000n * UNIT;
const IDLE = 10_000n * UNIT;
const THIRD_PARTY = 1_000n * UNIT;
/** Earned by the third party of the i-th strategy before the treasury enters, where prices are not to be one. */
const earned = (i) => 871_123_456_789_012_345_679n + BigInt(i) * 11_331_717_171_717_171_713n;
const MAX = (1n << 256n) - 1n;
const BPS = 10_000n;

export const HOUR = 3_600;
const MINUTE = 60;
const POLICY_DELAY = 48 * HOUR;
/** Times of the story, from its first policy on. */
const ALLOCATED_AT = 7 * HOUR;
const WARMED_UP_AT = 16 * HOUR;
/** Last checkpoint before anything is measured, an hour later. */
const CHECKPOINT_AT = 18 * HOUR;

/** Without zero bytes, which would be cheaper calldata than a real hash's. */
const DECISION = `0x${'d5'.repeat(32)}`;
const SALT = `0x${'5a'.repeat(32)}`;

const ACTIVE = 0;
const TARGET_WEIGHTS = 1;
const YIELD = 0;
export const NO_FEATURES = Object.freeze({ groups: false, fees: false, targetWeights: false });

export class World {
  #artifacts = new Map();
  #libraries = new Map();

  /**
   * @param count Number of strategies.
   * @param options.features What the policy in force uses: groups of three, fees, target weights.
   * @param options.isYielding Whether strategies earned before the treasury entered: prices are not one, legs round.
   * @param options.isTraced Whether the chain keeps every instruction.
   */
  static async build(out, count, { features = NO_FEATURES, isYielding = false, isTraced = false } = {}) {
    const world = new World();
    Object.assign(world, { out, count, features, isYielding });
    world.chain = await Chain.start(ROOT, isTraced);
    try {
      await world.#deploy();
      await world.#work();
    } catch (error) {
      world.stop();
      throw error;
    }
    return world;
  }

  /** What the guard in the build enforces, asked of itself: a document that uses more than that is refused. */
  static async featuresOf(out) {
    const world = new World();
    Object.assign(world, { out, count: 2, features: NO_FEATURES, isYielding: false });
    world.chain = await Chain.start(ROOT);
    try {
      await world.#deploy();
      const features = {};
      for (const name of Object.keys(NO_FEATURES)) features[name] = await world.#enforces(name);
      return features;
    } finally {
      world.stop();
    }
  }

  stop() {
    this.chain.stop();
  }

  artifact(name) {
    if (!this.#artifacts.has(name)) this.#artifacts.set(name, new Artifact(this.out, name));
    return this.#artifacts.get(name);
  }

  /** Sets the time of the next block, in seconds from the first policy on. */
  at(seconds) {
    this.chain.warp(this.adoptedAt + seconds);
  }

  async send(from, to, contract, name, values) {
    try {
      return await this.chain.transact({ from, to, data: this.artifact(contract).encode(name, values), what: name });
    } catch (error) {
      throw await this.#explain(error);
    }
  }

  async read(to, contract, name, values = []) {
    const artifact = this.artifact(contract);
    return artifact.decode(name, await this.chain.call({ to, data: artifact.encode(name, values) }));
  }

  rebalance(moves) {
    return this.#plan(moves).then((plan) => this.send(this.agent, this.guard, 'IPolicyGuard', 'rebalance', [plan]));
  }

  /** The same, signed by the agent and sent by somebody else. */
  async relay(moves) {
    const plan = await this.#plan(moves);
    const signature = await this.chain.rpc('eth_signTypedData_v4', this.agent, this.#typedData(plan));
    return this.send(this.stranger, this.guard, 'IPolicyGuard', 'rebalanceFor', [plan, this.agent, signature]);
  }

  bareMove(moves) {
    const legs = moves.map(({ index, isDeposit, assets }) => {
      if (assets >> 95n !== 0n) throw new Error(`${assets} does not fit a leg of the bare mover`);
      return (BigInt(this.strategies[index]) << 96n) | (isDeposit ? 1n << 95n : 0n) | assets;
    });
    return this.send(this.agent, this.mover, 'BareMover', 'move', [legs]);
  }

  /** Half the legs withdraw from the first strategies, half deposit into those behind them. */
  moves(legs, total = MOVED) {
    const half = legs / 2;
    const assets = total / BigInt(half);
    return Array.from({ length: legs }, (_, index) => ({ index, isDeposit: index >= half, assets }));
  }

  async held(holder, index) {
    const strategy = this.strategies[index];
    const shares = await this.read(strategy, 'BenchStrategy', 'balanceOf', [holder]);
    return this.read(strategy, 'BenchStrategy', 'convertToAssets', [shares]);
  }

  balance(holder) {
    return this.read(this.asset, 'BenchToken', 'balanceOf', [holder]);
  }

  checkpoint() {
    return this.send(this.stranger, this.vault, 'ITreasuryVault', 'checkpoint', []);
  }

  /** Runs `work` an hour after a checkpoint, on the state of the last rebalance. */
  fresh(work, later = 0) {
    return this.chain.isolated(async () => {
      this.at(CHECKPOINT_AT + later);
      await this.checkpoint();
      this.at(CHECKPOINT_AT + later + HOUR);
      return work();
    });
  }

  /** Runs `work` three hours after the last checkpoint. */
  stale(work) {
    return this.chain.isolated(async () => {
      this.at(CHECKPOINT_AT + 3 * HOUR);
      return work();
    });
  }

  /** Submits a document that waits, and runs `work` when its delay is over. */
  async waiting(document, work) {
    return this.chain.isolated(async () => {
      this.at(CHECKPOINT_AT);
      const submission = await this.submit(document);
      this.chain.warp(this.chain.now + POLICY_DELAY);
      return work(submission);
    });
  }

  submit(document) {
    return this.send(this.owner, this.guard, 'IPolicyGuard', 'submitPolicy', [document]);
  }

  activate(document) {
    return this.send(this.stranger, this.guard, 'IPolicyGuard', 'activatePolicy', [document]);
  }

  /** Strategies earn one hundredth of a percent of what they hold. */
  async earn() {
    for (const strategy of this.strategies) {
      const held = await this.balance(strategy);
      await this.send(this.treasurer, this.asset, 'BenchToken', 'transfer', [strategy, held / BPS]);
    }
  }

  /** The document in force. */
  policy(features = this.features) {
    const weight = Number((DEPOSIT - IDLE) * BPS / DEPOSIT / BigInt(this.count));
    const groupCount = features.groups ? Math.floor(this.count / 3) : 0;
    return {
      schemaVersion: 1,
      limits: {
        mode: ACTIVE,
        cooldownSeconds: 10 * MINUTE,
        windowSeconds: 24 * HOUR,
        maxTurnoverBps: 9_950,
        maxLossBps: 100,
        minIdleBps: 50,
        maxGrowthWad: UNIT / 100n,
        maxDrawdownBps: 500,
        entryHaltSeconds: 240 * HOUR,
        seasoningSeconds: 6 * HOUR,
        maxNavAgeSeconds: 2 * HOUR,
        policyDelaySeconds: POLICY_DELAY,
        depositCap: 10n * DEPOSIT,
        managementFeeBps: features.fees ? 100 : 0,
        performanceFeeBps: features.fees ? 1_000 : 0,
        feeRecipient: features.fees ? this.feeRecipient : 0n,
      },
      strategies: this.strategies.map((strategy, i) => ({
        strategy,
        status: ACTIVE,
        maxWeightBps: weight + 300,
        minWeightBps: Math.max(weight - 300, 50),
        cap: 700_000n * UNIT,
        priceBandBps: 100,
        referenceAssets: THIRD_PARTY + (this.isYielding ? earned(i) : 0n),
        referenceShares: THIRD_PARTY,
        // Members stand apart in the list, so that most of those a deposit asks for are not touched themselves.
        groups: i < groupCount * 3 ? 1 << (i % groupCount) : 0,
      })),
      groups: Array.from({ length: groupCount }, (_, i) => ({
        name: `0x${Buffer.from(`group ${i + 1}`).toString('hex').padEnd(64, '0')}`,
        maxWeightBps: Math.min(3 * weight + 500, 10_000),
        cap: 800_000n * UNIT,
      })),
      agents: [
        { agent: this.agent, expiresAt: GENESIS_AT + 8_760 * HOUR, scope: 2 ** this.count - 1, maxTurnoverBps: 9_900, maxLossBps: 50 },
      ],
      objective: {
        kind: features.targetWeights ? TARGET_WEIGHTS : YIELD,
        hurdleBps: features.targetWeights ? 0 : 5,
        horizonSeconds: features.targetWeights ? 0 : 720 * HOUR,
        bandBps: features.targetWeights ? 200 : 0,
        targetWeightsBps: features.targetWeights ? this.strategies.map(() => weight) : [],
      },
    };
  }

  // Setting up

  /** Every contract whose address stands in calldata has a deployer of its own, so that no other change moves it. */
  async #deploy() {
    const { chain } = this;
    const accounts = await chain.rpc('eth_accounts');
    [this.treasurer, this.owner, this.guardian, this.agent, this.depositor, this.thirdParty, this.strategist, this.stranger,
     this.feeRecipient, this.deployer] = accounts;

    this.asset = await this.#create(this.treasurer, 'BenchToken', [this.treasurer, 100n * DEPOSIT]);
    this.strategies = [];
    for (let i = 0; i < this.count; i += 1) {
      this.strategies.push(await this.#create(this.strategist, 'BenchStrategy', [this.asset]));
    }
    this.mover = await this.#create(this.agent, 'BareMover', [this.agent, this.asset, this.strategies]);
    this.bareVault = await this.#create(this.agent, 'BareVault', [this.asset, this.strategies[0]]);

    const [vaultCode, guardCode] = [await this.#code('TreasuryVault'), await this.#code('PolicyGuard')];
    const hashes = await Promise.all([vaultCode, guardCode].map((code) => chain.rpc('web3_sha3', code)));
    const factory = await this.#create(this.deployer, 'TreasuryFactory', hashes);
    const parameters = {
      asset: this.asset, name: 'Treasury', symbol: 'TRS', decimalsOffset: 0, owner: this.owner, guardian: this.guardian,
      ceilings: {
        maxTurnoverBps: 10_000, maxLossBps: 500, minWindowSeconds: HOUR, minPolicyDelaySeconds: HOUR,
        maxPolicyDelaySeconds: 720 * HOUR, maxManagementFeeBps: 200, maxPerformanceFeeBps: 2_000, graceSeconds: 168 * HOUR,
      },
      salt: SALT,
    };
    await this.send(this.deployer, factory, 'TreasuryFactory', 'deployVault', [parameters, vaultCode]);
    await this.send(this.deployer, factory, 'TreasuryFactory', 'deployGuard', [parameters, guardCode]);
    const [vault, guard] = await this.read(factory, 'TreasuryFactory', 'predict', [parameters]);
    [this.vault, this.guard] = [vault, guard].map((address) => `0x${address.toString(16).padStart(40, '0')}`);
  }

  async #work() {
    const token = (from, name, values) => this.send(from, this.asset, 'BenchToken', name, values);
    for (const [account, assets] of [[this.thirdParty, 100n * THIRD_PARTY], [this.depositor, 3n * DEPOSIT], [this.mover, DEPOSIT]]) {
      await token(this.treasurer, 'transfer', [account, assets]);
    }
    for (const [i, strategy] of this.strategies.entries()) {
      await token(this.thirdParty, 'approve', [strategy, MAX]);
      await this.send(this.thirdParty, strategy, 'BenchStrategy', 'deposit', [THIRD_PARTY, this.thirdParty]);
      if (this.isYielding) await token(this.treasurer, 'transfer', [strategy, earned(i)]);
    }

    await this.submit(this.policy());
    this.chain.warp(this.chain.now + POLICY_DELAY);
    this.firstAdoption = (await this.activate(this.policy())).gas;
    this.adoptedAt = this.chain.now;

    for (const vault of [this.vault, this.bareVault]) {
      await token(this.depositor, 'approve', [vault, MAX]);
      await this.send(this.depositor, vault, 'BareVault', 'deposit', [DEPOSIT, this.depositor]);
    }
    await this.send(this.stranger, this.bareVault, 'BareVault', 'push', [DEPOSIT - IDLE]);

    // Everything but idle is split equally, ten strategies at a time; the bare mover does the same.
    this.at(ALLOCATED_AT);
    await this.checkpoint();
    const assets = (DEPOSIT - IDLE) / BigInt(this.count);
    const all = this.strategies.map((_, index) => ({ index, isDeposit: true, assets }));
    for (let i = 0; i < all.length; i += 10) {
      await this.#rebalanceBoth(all.slice(i, i + 10));
      this.chain.warp(this.chain.now + 15 * MINUTE);
    }
    // There and back: counters, buckets, nonce and every slot of the path have been used before anything is measured.
    for (const [from, to, hour] of [[0, 1, 0], [1, 0, 1]]) {
      this.at(WARMED_UP_AT + hour * HOUR);
      if (hour === 0) await this.checkpoint();
      await this.#rebalanceBoth([{ index: from, isDeposit: false, assets: UNIT }, { index: to, isDeposit: true, assets: UNIT }]);
    }
  }

  async #rebalanceBoth(moves) {
    await this.rebalance(moves);
    await this.bareMove(moves);
  }

  async #plan(moves) {
    const state = await this.read(this.guard, 'IPolicyGuard', 'guardState');
    const { nonce } = await this.read(this.guard, 'IPolicyGuard', 'agentState', [this.agent]);
    return {
      policyVersion: state.policyVersion, nonce, vaultCount: state.rebalanceCount, deadline: this.chain.now + HOUR,
      decision: DECISION, moves,
    };
  }

  #typedData(plan) {
    const field = (text) => { const [type, name] = text.split(' '); return { type, name }; };
    const text = (value) => (typeof value === 'bigint' ? value.toString() : value);
    return {
      types: {
        EIP712Domain: ['string name', 'string version', 'uint256 chainId', 'address verifyingContract'].map(field),
        Rebalance: ['address agent', 'uint64 policyVersion', 'uint64 nonce', 'uint64 vaultCount', 'uint64 deadline',
          'bytes32 decision', 'Move[] moves'].map(field),
        Move: ['uint8 index', 'bool isDeposit', 'uint128 assets'].map(field),
      },
      primaryType: 'Rebalance',
      domain: { name: 'Vagus PolicyGuard', version: '1', chainId: 31337, verifyingContract: this.guard },
      message: {
        agent: this.agent,
        ...Object.fromEntries(Object.entries(plan).map(([name, value]) => [name, text(value)])),
        moves: plan.moves.map((move) => ({ ...move, assets: text(move.assets) })),
      },
    };
  }

  async #create(from, name, values) {
    const data = (await this.#code(name)) + this.artifact(name).encodeConstructor(values);
    return (await this.chain.transact({ from, data, what: `deployment of ${name}` })).contractAddress;
  }

  #code(name) {
    return this.artifact(name).code(async (library) => {
      if (!this.#libraries.has(library)) this.#libraries.set(library, await this.#create(this.deployer, library, []));
      return this.#libraries.get(library);
    });
  }

  async #enforces(feature) {
    const document = this.policy({ ...NO_FEATURES, [feature]: true });
    // Two strategies make no group of three: the list of groups alone is what is asked about.
    if (feature === 'groups') document.groups = [{ name: `0x67${'0'.repeat(62)}`, maxWeightBps: 5_000, cap: UNIT }];
    const data = this.artifact('IPolicyGuard').encode('submitPolicy', [document]);
    try {
      await this.chain.call({ from: this.owner, to: this.guard, data });
      return true;
    } catch (error) {
      const refusal = (await this.chain.keccak('NotEnforced(bytes32)')).slice(0, 10);
      if (typeof error.data === 'string' && error.data.startsWith(refusal)) return false;
      throw await this.#explain(error);
    }
  }

  /** Puts the name of the custom error into the message. */
  async #explain(error) {
    if (typeof error.data !== 'string' || error.data.length < 10) return error;
    const selector = error.data.slice(0, 10);
    for (const name of ['IPolicyGuard', 'ITreasuryVault', 'IConduit', 'ITreasuryFactory', 'BenchStrategy', 'BenchToken']) {
      for (const entry of this.artifact(name).abi.filter(({ type }) => type === 'error')) {
        if ((await this.chain.keccak(signatureOf(entry))).startsWith(selector)) {
          const words = error.data.slice(10).match(/.{64}/g) ?? [];
          return new Error(`${error.message}: ${entry.name}(${words.map((word) => BigInt(`0x${word}`)).join(', ')})`);
        }
      }
    }
    return new Error(`${error.message}: ${error.data}`);
  }
}
