/** What names mean to a browser. */
import { words } from './words.ts';

/** Elements that run, load or replace something by being there. */
export const ACTIVE_TAGS: ReadonlySet<string> = words(`
  script iframe frame frameset object embed applet base meta link style isindex
  xss x:script bgsound layer ilayer xml portal fencedframe noscript template
  foreignobject animate animatetransform animatemotion set handler listener math
  svg import feimage ?import ?xml-stylesheet ?php ?= ? ?xml !entity !doctype !attlist !element ![cdata v:vmlframe html:script
`);

/** Elements of those that ordinary markup has, too; they weigh less when nothing else speaks for it. */
export const COMMON_TAGS: ReadonlySet<string> = words(
  'meta link style base noscript template ? !doctype ?xml set ![cdata',
);

/** Elements that make a page or a form: no text of a visitor has them. */
export const PAGE_TAGS: ReadonlySet<string> = words(
  'html head body form input button select textarea stylesheet frameset title marquee blink keygen dialog isindex',
);

/** Events, without `on`: an attribute of another name starting so is none. */
const EVENT =
  '(?:abort|activate|after\\w+|animation\\w+|auxclick|before\\w+|begin|blur|bounce|cached|cancel|canplay\\w*|cellchange|change|checking|click|close|command|contextmenu|controlselect|copy|cuechange|cut|data\\w+|dbl\\w*click|deactivate|devicemotion|device\\w+|dom\\w+|downloading|drag\\w*|drop|durationchange|emptied|end|ended|error\\w*|filterchange|finish|focus\\w*|formdata|formchange|forminput|fullscreen\\w+|gamepad\\w+|gesture\\w+|got\\w+|hashchange|help|input|invalid|key(?:down|press|up)|languagechange|layoutcomplete|load\\w*|lose\\w*|lost\\w*|media\\w+|message\\w*|mouse\\w+|move\\w*|no\\w+|obsolete|off\\w+|online|open|orientation\\w+|outofsync|page\\w+|paste|pause|play\\w*|pointer\\w+|popstate|popup\\w+|progress|property\\w+|ratechange|readystatechange|redo|repeat|reset|resize\\w*|resume|reverse|row\\w+|screen\\w+|scroll\\w*|search|security\\w+|seek\\w*|select\\w*|show|slotchange|stalled|start|stop|storage|submit|suspend|sync\\w+|time\\w*|toggle|touch\\w+|track\\w+|transition\\w+|undo|unhandled\\w+|unload|update\\w+|urlflip|user\\w+|volumechange|vr\\w+|waiting|webkit\\w+|wheel|zoom)';

/** Whether an attribute is a handler of events. */
export const HANDLER: RegExp = new RegExp(`^on${EVENT}$`);

/** A handler of events wherever it stands, with the first character of its value. */
export const HANDLER_ANYWHERE: RegExp = new RegExp(
  `(?:^|[\\s"'\`/>;\\x0b\\x0c+])on${EVENT}[\\s\\x0b\\x0c]{0,8}=[\\s\\x0b\\x0c]{0,8}["'\`]?[\\w("'\`\\[{$\\\\&%/!]`,
  'i',
);

/** Attributes whose value is an address that may be script. */
export const ADDRESS_ATTRIBUTES: ReadonlySet<string> = words(
  'href src action formaction data xlink:href background dynsrc lowsrc poster code codebase cite classid longdesc profile usemap manifest to from by values srcdoc archive value content srcset ping folder',
);
