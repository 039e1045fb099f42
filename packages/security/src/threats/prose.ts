/** Tells text that people read from what only machines do. */

/** Words that hold sentences together, in some languages of many. */
const CONNECTIVES =
  /(?<![\p{L}\d_$./-])(?:the|an|is|are|was|of|to|and|or|with|that|this|it|you|as|be|by|not|from|we|your|der|die|das|und|ist|ein|nicht|mit|le|la|les|des|est|une|pour|que|el|los|las|una|por|il|che|di|per)(?![\p{L}\d_$./-])/giu;

/** Whether a text is one that people read: sentences, with words and what joins them. */
export function isProse(text: string): boolean {
  if (text.length < 48) return false;
  const sample = text.length > 600 ? text.slice(0, 600) : text;
  if ((sample.match(CONNECTIVES)?.length ?? 0) >= 4) return true;
  let runs = 0;
  for (const run of sample.matchAll(RUN)) runs += run[0].length;
  return runs > 60 || (sample.length >= 80 && runs * 2 > sample.length);
}

/** Four words and more with nothing but spaces between. */
const RUN = /[\p{L}]{2,}(?:'[a-z])?[,.:]?(?: [\p{L}]+(?:['’][a-z]+)?[,.:]?){3,}/gu;
