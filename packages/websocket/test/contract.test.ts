import { middlewareContract } from '@org/core/testing';
import { setup } from '@org/setup';
import { websocket, type WebsocketOptions } from '@org/websocket';

middlewareContract<Partial<WebsocketOptions>>('websocket', {
  factory: websocket,
  example: { path: '/live', channels: { 'news/:topic': {} } },
  setup,
});
