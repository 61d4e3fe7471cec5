/** Huffman codes of limited length, in the canonical form of RFC 1951 §3.2.2. */

/** Lengths and bit-reversed codes by symbol; a symbol that never occurs has length 0. */
export type HuffmanCode = { lengths: Uint8Array; codes: Uint16Array };

/** The code for the given counts, no word longer than `limit` bits. At least two symbols get a word, as decoders expect. */
export function huffmanCode(counts: Uint32Array, limit: number): HuffmanCode {
  const weights = Uint32Array.from(counts);
  for (
    let symbol = 0, used = weights.reduce((sum, count) => sum + (count > 0 ? 1 : 0), 0);
    used < 2;
    symbol++
  ) {
    if (weights[symbol] !== 0) continue;
    weights[symbol] = 1;
    used++;
  }
  let lengths = wordLengths(weights);
  // Flattening the counts shortens the longest words; it is rare and costs a fraction of a percent.
  while (lengths.some((length) => length > limit)) {
    for (let symbol = 0; symbol < weights.length; symbol++)
      if (weights[symbol]! > 0) weights[symbol] = (weights[symbol]! >> 1) + 1;
    lengths = wordLengths(weights);
  }
  return { lengths, codes: canonicalCodes(lengths) };
}

/** Word lengths of an optimal code, by merging the two lightest nodes until one is left. */
function wordLengths(weights: Uint32Array): Uint8Array {
  const leaves: number[] = [];
  for (let symbol = 0; symbol < weights.length; symbol++) if (weights[symbol]! > 0) leaves.push(symbol);
  leaves.sort((a, b) => weights[a]! - weights[b]! || a - b);
  const count = leaves.length;
  const weight = new Float64Array(count * 2);
  const parent = new Int32Array(count * 2);
  for (let index = 0; index < count; index++) weight[index] = weights[leaves[index]!]!;
  let leaf = 0;
  let inner = count;
  let end = count;
  const lightest = () =>
    leaf < count && (inner >= end || weight[leaf]! <= weight[inner]!) ? leaf++ : inner++;
  for (; end < count * 2 - 1; end++) {
    const one = lightest();
    const other = lightest();
    weight[end] = weight[one]! + weight[other]!;
    parent[one] = end;
    parent[other] = end;
  }
  const depth = new Uint8Array(count * 2);
  const lengths = new Uint8Array(weights.length);
  for (let node = end - 2; node >= 0; node--) {
    depth[node] = depth[parent[node]!]! + 1;
    if (node < count) lengths[leaves[node]!] = depth[node]!;
  }
  return lengths;
}

function canonicalCodes(lengths: Uint8Array): Uint16Array {
  const perLength = new Uint16Array(17);
  for (const length of lengths) if (length > 0) perLength[length]!++;
  const next = new Uint16Array(17);
  for (let length = 1, code = 0; length < 17; length++) {
    code = (code + perLength[length - 1]!) << 1;
    next[length] = code;
  }
  return Uint16Array.from(lengths, (length) => (length === 0 ? 0 : reverseBits(next[length]!++, length)));
}

function reverseBits(code: number, length: number): number {
  let reversed = 0;
  for (let bit = 0; bit < length; bit++) reversed |= ((code >> bit) & 1) << (length - 1 - bit);
  return reversed;
}
