import { BlockList } from 'node:net';
import { array, assert as check, integer, ipV4, ipV6, oneof, property, tuple } from 'fast-check';
import { AddressList, bareAddress, NETWORK } from '../src/address-list.ts';

const network4 = tuple(ipV4(), integer({ min: 0, max: 32 }));
const network6 = tuple(ipV6(), integer({ min: 0, max: 128 }));

test('has what a list of Node has, which compares one by one', () => {
  check(
    property(
      array(oneof(network4, network6), { maxLength: 8 }),
      array(oneof(ipV4(), ipV6()), { minLength: 1, maxLength: 8 }),
      (networks, addresses) => {
        // One for each family: to Node's list, ::/1 has every IPv4 address, as it would be mapped.
        const reference = { ipv4: new BlockList(), ipv6: new BlockList() };
        // Node's list knows no prefix of no bits.
        const usable = networks.filter(([, bits]) => bits > 0);
        for (const [address, bits] of usable) {
          const bare = bareAddress(address);
          const isMapped = bare !== address && !bare.includes(':');
          if (isMapped && bits <= 96) return;
          const family = bare.includes(':') ? 'ipv6' : 'ipv4';
          reference[family].addSubnet(bare, isMapped ? bits - 96 : bits, family);
        }
        const list = new AddressList(usable.map(([address, bits]) => `${address}/${bits}`));
        const near = usable.map(([address]) => address);
        for (const address of [...addresses, ...near].map(bareAddress)) {
          const family = address.includes(':') ? 'ipv6' : 'ipv4';
          expect([address, list.has(address)]).toEqual([
            address,
            reference[family].check(address, family),
          ]);
        }
      },
    ),
  );
});

test('of no bits has every address of its family', () => {
  const [four, six] = [new AddressList(['1.2.3.4/0']), new AddressList(['::/0'])];
  expect(['0.0.0.0', '255.255.255.255', '::1'].map((one) => four.has(one))).toEqual([
    true,
    true,
    false,
  ]);
  expect(['2001:db8::1', '10.0.0.1'].map((one) => six.has(one))).toEqual([true, false]);
});

test('ends where a network ends', () => {
  const list = new AddressList(['10.1.2.128/25', '192.0.2.7', '2001:db8:0:100::/56']);
  for (const [address, isListed] of [
    ['10.1.2.127', false],
    ['10.1.2.128', true],
    ['10.1.2.255', true],
    ['10.1.3.0', false],
    ['192.0.2.7', true],
    ['192.0.2.8', false],
    ['2001:db8:0:1ff::1', true],
    ['2001:db8:0:200::', false],
  ] as const) {
    expect([address, list.has(address)]).toEqual([address, isListed]);
  }
});

test('takes addresses and networks, and nothing else', () => {
  for (const good of ['1.2.3.4', '1.2.3.4/32', '::1', '::/0', '::ffff:1.2.3.4/120']) {
    expect([good, NETWORK.accepts(good)]).toEqual([good, true]);
  }
  for (const bad of [
    '',
    '1.2.3',
    '1.2.3.4/',
    '1.2.3.4/33',
    '1.2.3.4/-1',
    '::/129',
    'fe80::1%eth0',
    '::ffff:1.2.3.4/95',
    '1.2.3.4/8/8',
    ' 1.2.3.4',
  ]) {
    expect([bad, NETWORK.accepts(bad)]).toEqual([bad, false]);
  }
});

test.each([
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['::ffff:c000:201', '192.0.2.1'],
  ['0:0:0:0:0:ffff:c000:0201', '192.0.2.1'],
  ['fe80::1%eth0', 'fe80::1'],
  ['2001:db8::1', '2001:db8::1'],
  ['192.0.2.1', '192.0.2.1'],
])('%s is bare as %s', (address, bare) => {
  expect(bareAddress(address)).toBe(bare);
});
