/** One client, one name, whatever address of its network it comes from. */
import { clientNetwork } from '@org/core';
import { assert, integer, ipV6, property } from 'fast-check';

test.each([
  ['192.0.2.7', 56, '192.0.2.7'],
  ['::ffff:192.0.2.7', 56, '192.0.2.7'],
  ['::FFFF:192.0.2.7', 56, '192.0.2.7'],
  ['::ffff:c000:207', 56, '192.0.2.7'],
  ['0:0:0:0:0:ffff:192.0.2.7', 56, '192.0.2.7'],
  ['2001:db8::1', 56, '2001:db8::/56'],
  ['2001:db8:0:1ff:2:3:4:5', 56, '2001:db8:0:100::/56'],
  ['2001:DB8:0:1ff::', 64, '2001:db8:0:1ff::/64'],
  ['2001:db8:0:1ff::', 48, '2001:db8::/48'],
  ['2001:db8::1', 128, '2001:db8:0:0:0:0:0:1/128'],
  ['fe80::1%eth0', 64, 'fe80::/64'],
  ['192.0.2.7:4711', 56, '192.0.2.7'],
  ['[2001:db8:0:1ff::7]:4711', 56, '2001:db8:0:100::/56'],
  ['[::ffff:192.0.2.7]', 56, '192.0.2.7'],
  ['[nonsense]:1', 56, 'nonsense'],
  ['192.0.2.7:', 56, '192.0.2.7:'],
  ['::1', 64, '::/64'],
  ['64:ff9b::192.0.2.33', 128, '64:ff9b:0:0:0:0:c000:221/128'],
  ['unknown', 56, 'unknown'],
  ['1:2', 56, '1:2'],
  ['', 56, ''],
])('%s by %d bits is %s', (address, bits, network) => {
  expect(clientNetwork(address, bits)).toBe(network);
});

test('every spelling of an address, and every address of its network, has one name', () => {
  assert(
    property(ipV6(), integer({ min: 1, max: 128 }), (address, bits) => {
      const whole = clientNetwork(address, 128);
      const full = whole.endsWith('/128') ? whole.slice(0, -4) : whole;
      expect(clientNetwork(full, bits)).toBe(clientNetwork(address, bits));
    }),
  );
});
